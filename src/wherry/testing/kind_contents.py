"""What suites written for kind find in a new cluster besides its nodes: kubernetes-admin with a client certificate, and the cluster's DNS.

Used by `KindCluster` and by `wherry kind`. The DNS is two pods like any others of the simulated runtime: scripts wait for them, list the
pods of kube-system or read the Service's address, but no name is resolved. The pods of kube-proxy, of the network and of the control plane
are not there.
Source: kubeadm app/phases/kubeconfig (the certificate's names, the binding of its group), app/phases/addons/dns; kind
pkg/cluster/internal/kubeconfig (the context's names).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from wherry.api.objects import Obj
from wherry.cluster import kubeconfig, pki

USER: Final = "kubernetes-admin"
GROUP: Final = "kubeadm:cluster-admins"
DNS_ADDRESS: Final = "10.96.0.10"
_LABELS: Final = {"k8s-app": "kube-dns"}
_IMAGE: Final = "registry.k8s.io/coredns/coredns:v1.14.2"
_PORTS: Final = (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP"))
_ON_CONTROL_PLANES: Final = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}


def context(name: str) -> str:
    """What kind calls the cluster, the user and the context of the cluster `name`."""
    return f"kind-{name}"


def config(name: str, url: str, directory: Path) -> dict[str, Any]:
    """The kubeconfig of the cluster `name`, with a new certificate of the CA in `directory`."""
    certificate, key = pki.issue(directory, USER, organizations=(GROUP,))
    made = kubeconfig.build(url, (directory / "ca.crt").read_text(), certificate=certificate, key=key, name=context(name))
    made["users"][0]["name"] = context(name)
    made["contexts"][0]["context"] = {"cluster": context(name), "user": context(name)}
    return made


def objects() -> list[Obj]:
    """What a new cluster gets, in an order that works."""
    return [_binding(), _in_kube_system("v1", "ServiceAccount", "coredns"), _service(), _deployment()]


def _in_kube_system(version: str, kind: str, name: str) -> Obj:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "kube-system"}}


def _binding() -> Obj:
    api = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{api}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": GROUP},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": api, "kind": "Group", "name": GROUP}],
    }


def _service() -> Obj:
    made = _in_kube_system("v1", "Service", "kube-dns")
    made["metadata"]["labels"] = {**_LABELS, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    ports = [{"name": name, "port": number, "protocol": protocol, "targetPort": number} for name, number, protocol in _PORTS]
    made["spec"] = {"clusterIP": DNS_ADDRESS, "ports": ports, "selector": _LABELS}
    return made


def _deployment() -> Obj:
    made = _in_kube_system("apps/v1", "Deployment", "coredns")
    made["metadata"]["labels"] = _LABELS
    ports = [{"name": name, "containerPort": number, "protocol": protocol} for name, number, protocol in _PORTS]
    pod = {
        "containers": [{"name": "coredns", "image": _IMAGE, "ports": ports}],
        "priorityClassName": "system-cluster-critical",
        "serviceAccountName": "coredns",
        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}, _ON_CONTROL_PLANES],
    }
    template = {"metadata": {"labels": _LABELS}, "spec": pod}
    made["spec"] = {"replicas": 2, "selector": {"matchLabels": _LABELS}, "template": template}
    return made
