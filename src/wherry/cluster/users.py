"""Who the parts of a cluster are to its API: the reference's own users, whom policies, webhooks, audit and RBAC know.

A controller writes as its ServiceAccount in kube-system, as with kube-controller-manager --use-service-account-credentials, and has what
the role system:controller:NAME grants. Informers read for all controllers as kube-controller-manager itself does. What belongs to the API
server is system:apiserver, its loopback client.
Source: cmd/kube-controller-manager/app (the names in ClientOrDie), plugin/pkg/auth/authorizer/rbac/bootstrappolicy;
k8s.io/apiserver/pkg/authentication/serviceaccount (MakeUsername, MakeGroupNames).
"""

from __future__ import annotations

from wherry.api.options import User

_AUTHENTICATED = "system:authenticated"
_ACCOUNTS = "system:serviceaccounts"
NAMESPACE = "kube-system"

API_SERVER = User("system:apiserver", "", ("system:masters", _AUTHENTICATED))
CONTROLLER_MANAGER = User("system:kube-controller-manager", "", (_AUTHENTICATED,))
PROXY = User("system:kube-proxy", "", (_AUTHENTICATED,))
SCHEDULER = User("system:kube-scheduler", "", (_AUTHENTICATED,))
#: as whom one agent reads for all nodes it speaks for; it writes as each of them
SIMULATED_NODES = User("system:wherry:simulated-nodes", "", (_AUTHENTICATED,))


def account(name: str) -> User:
    """The ServiceAccount of that name in kube-system."""
    return User(f"system:serviceaccount:{NAMESPACE}:{name}", "", (_ACCOUNTS, f"{_ACCOUNTS}:{NAMESPACE}", _AUTHENTICATED))


def node(name: str) -> User:
    """The kubelet of that node."""
    return User(f"system:node:{name}", "", ("system:nodes", _AUTHENTICATED))


INGRESS = account("ingress-controller")
SERVICES = account("service-controller")

#: the ServiceAccounts of controllers that go by another name there
_ACCOUNTS_OF = {
    "certificatesigningrequest-approving-controller": "certificate-controller",
    "certificatesigningrequest-cleaner-controller": "certificate-controller",
    "certificatesigningrequest-signing-controller": "certificate-controller",
    "daemonset-controller": "daemon-set-controller",
    "endpoints-controller": "endpoint-controller",
    "endpointslice-mirroring-controller": "endpointslicemirroring-controller",
    "garbage-collector-controller": "generic-garbage-collector",
    "horizontal-pod-autoscaler-controller": "horizontal-pod-autoscaler",
    "node-lifecycle-controller": "node-controller",
    "persistentvolume-binder-controller": "persistent-volume-binder",
    "persistentvolume-expander-controller": "expand-controller",
    "persistentvolume-protection-controller": "pv-protection-controller",
    "persistentvolumeclaim-protection-controller": "pvc-protection-controller",
    "pod-garbage-collector-controller": "pod-garbage-collector",
    "replicationcontroller-controller": "replication-controller",
    "root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
    "service-cidr-controller": "service-cidrs-controller",
    "serviceaccount-controller": "service-account-controller",
    "taint-eviction-controller": "node-controller",
    "token-cleaner-controller": "token-cleaner",
}


def controller(name: str) -> User:
    """Of a controller, by its name in --controllers. The one that signs tokens has no account: accounts come from it."""
    if name == "serviceaccount-token-controller":
        return CONTROLLER_MANAGER
    return account(_ACCOUNTS_OF.get(name, name))
