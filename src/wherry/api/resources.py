"""The resource table: every kind of Kubernetes v1.36's stable groups, a row each, in the order of the reference's discovery.

Read by the registry (where and how to store), the server (paths, discovery), the client and the tables. A row says what is served;
how a kind behaves is in `wherry.rules`. Each registry has a table of its own, in which the rows of its CustomResourceDefinitions come and
go (`ResourceTable.put`); `TABLE` has the built-in rows only. Source of the facts: the aggregated discovery document of Kubernetes v1.36.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from wherry.api.schema import Node, definition
from wherry.errors import WherryError

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
NO_COLLECTION_DELETE = ("create", "delete", "get", "list", "patch", "update", "watch")
CREATE_ONLY = ("create",)
READ_ONLY = ("get", "list")

#: kind answered by a subresource whose kind is not that of its parent: name -> (group, version, kind)
SUBRESOURCE_KINDS: dict[str, tuple[str, str, str]] = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}


#: subresources that ask for a connection -> the kind of its options; of a proxy that depends on whose it is
CONNECT_KINDS = {"exec": "PodExecOptions", "attach": "PodAttachOptions", "portforward": "PodPortForwardOptions"}


class Custom(Protocol):
    """How a custom kind behaves, made from its definition (`wherry.rules.custom.kind`); held by the kind's row."""

    @property
    def node(self) -> Node: ...
    @property
    def terminating(self) -> bool:
        """The definition is being deleted: nothing new is created."""
        ...

    @property
    def storage_version(self) -> str: ...
    @property
    def asks_webhook(self) -> bool:
        """Its versions are made of each other by a webhook."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every request for the kind is answered with."""
        ...

    @property
    def openapi(self) -> bytes:
        """The schema as OpenAPI documents show it, JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Resource:
    """One served resource. `group` is "" for core; `plural` is its name in paths; `subresources` are names in paths.

    `custom`: how the kind behaves, of a row that a CustomResourceDefinition made. It is no part of what the row is: rows with an older
    definition of the same kind are equal.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str = ""
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    schema: str = ""
    list_kind: str = ""
    custom: Custom | None = field(default=None, compare=False, repr=False)
    #: `apps/v1`, or `v1` for the core group
    api_version: str = field(init=False, compare=False, repr=False)
    #: `deployments.apps`, or `pods` for the core group: the name used in messages and in store keys
    group_resource: str = field(init=False, compare=False, repr=False)
    #: `Deployment.apps`, or `Pod` for the core group
    group_kind: str = field(init=False, compare=False, repr=False)
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "singular", self.singular or self.kind.lower())
        set_(self, "schema", self.schema or f"io.k8s.api.{self.group.split('.')[0] or 'core'}.{self.version}.{self.kind}")
        set_(self, "list_kind", self.list_kind or f"{self.kind}List")
        set_(self, "api_version", f"{self.group}/{self.version}" if self.group else self.version)
        set_(self, "group_resource", f"{self.plural}.{self.group}" if self.group else self.plural)
        set_(self, "group_kind", f"{self.kind}.{self.group}" if self.group else self.kind)
        set_(self, "_hash", hash((self.group, self.version, self.plural)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def node(self) -> Node:
        """What may stand where in an object."""
        return definition(self.schema) if self.custom is None else self.custom.node


BUILT_IN: tuple[Resource, ...] = (
    # v1
    Resource("", "v1", "Binding", "bindings", verbs=CREATE_ONLY),
    Resource("", "v1", "ComponentStatus", "componentstatuses", namespaced=False, short_names=("cs",), verbs=READ_ONLY),
    Resource("", "v1", "ConfigMap", "configmaps", short_names=("cm",)),
    Resource("", "v1", "Endpoints", "endpoints", short_names=("ep",)),
    Resource("", "v1", "Event", "events", short_names=("ev",)),
    Resource("", "v1", "LimitRange", "limitranges", short_names=("limits",)),
    Resource("", "v1", "Namespace", "namespaces", namespaced=False, short_names=("ns",), verbs=NO_COLLECTION_DELETE, subresources=("finalize", "status")),
    Resource("", "v1", "Node", "nodes", namespaced=False, short_names=("no",), subresources=("proxy", "status")),
    Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", short_names=("pvc",), subresources=("status",)),
    Resource("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False, short_names=("pv",), subresources=("status",)),
    Resource("", "v1", "Pod", "pods", short_names=("po",), categories=("all",), subresources=("attach", "binding", "ephemeralcontainers", "eviction", "exec", "log", "portforward", "proxy", "resize", "status")),
    Resource("", "v1", "PodTemplate", "podtemplates"),
    Resource("", "v1", "ReplicationController", "replicationcontrollers", short_names=("rc",), categories=("all",), subresources=("scale", "status")),
    Resource("", "v1", "ResourceQuota", "resourcequotas", short_names=("quota",), subresources=("status",)),
    Resource("", "v1", "Secret", "secrets"),
    Resource("", "v1", "ServiceAccount", "serviceaccounts", short_names=("sa",), subresources=("token",)),
    Resource("", "v1", "Service", "services", short_names=("svc",), categories=("all",), subresources=("proxy", "status")),
    # apiregistration.k8s.io/v1
    Resource("apiregistration.k8s.io", "v1", "APIService", "apiservices", namespaced=False, categories=("api-extensions",), subresources=("status",), schema="io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService"),
    # apps/v1
    Resource("apps", "v1", "ControllerRevision", "controllerrevisions"),
    Resource("apps", "v1", "DaemonSet", "daemonsets", short_names=("ds",), categories=("all",), subresources=("status",)),
    Resource("apps", "v1", "Deployment", "deployments", short_names=("deploy",), categories=("all",), subresources=("scale", "status")),
    Resource("apps", "v1", "ReplicaSet", "replicasets", short_names=("rs",), categories=("all",), subresources=("scale", "status")),
    Resource("apps", "v1", "StatefulSet", "statefulsets", short_names=("sts",), categories=("all",), subresources=("scale", "status")),
    # events.k8s.io/v1
    Resource("events.k8s.io", "v1", "Event", "events", short_names=("ev",)),
    # authentication.k8s.io/v1
    Resource("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False, verbs=CREATE_ONLY),
    Resource("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", namespaced=False, verbs=CREATE_ONLY),
    # authorization.k8s.io/v1
    Resource("authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=CREATE_ONLY),
    Resource("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False, verbs=CREATE_ONLY),
    Resource("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False, verbs=CREATE_ONLY),
    Resource("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", namespaced=False, verbs=CREATE_ONLY),
    # autoscaling/v2
    Resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", short_names=("hpa",), categories=("all",), subresources=("status",)),
    # autoscaling/v1
    Resource("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", short_names=("hpa",), categories=("all",), subresources=("status",)),
    # batch/v1
    Resource("batch", "v1", "CronJob", "cronjobs", short_names=("cj",), categories=("all",), subresources=("status",)),
    Resource("batch", "v1", "Job", "jobs", categories=("all",), subresources=("status",)),
    # certificates.k8s.io/v1
    Resource("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", namespaced=False, short_names=("csr",), subresources=("approval", "status")),
    # networking.k8s.io/v1
    Resource("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False),
    Resource("networking.k8s.io", "v1", "Ingress", "ingresses", short_names=("ing",), subresources=("status",)),
    Resource("networking.k8s.io", "v1", "IPAddress", "ipaddresses", namespaced=False, short_names=("ip",)),
    Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", short_names=("netpol",)),
    Resource("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", namespaced=False, subresources=("status",)),
    # policy/v1
    Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", short_names=("pdb",), subresources=("status",)),
    # rbac.authorization.k8s.io/v1
    Resource("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    Resource("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False),
    Resource("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    Resource("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    # storage.k8s.io/v1
    Resource("storage.k8s.io", "v1", "CSIDriver", "csidrivers", namespaced=False),
    Resource("storage.k8s.io", "v1", "CSINode", "csinodes", namespaced=False),
    Resource("storage.k8s.io", "v1", "CSIStorageCapacity", "csistoragecapacities"),
    Resource("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False, short_names=("sc",)),
    Resource("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", namespaced=False, subresources=("status",)),
    Resource("storage.k8s.io", "v1", "VolumeAttributesClass", "volumeattributesclasses", namespaced=False, short_names=("vac",)),
    # admissionregistration.k8s.io/v1
    Resource("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies", namespaced=False, categories=("api-extensions",)),
    Resource("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", namespaced=False, categories=("api-extensions",)),
    Resource("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", namespaced=False, categories=("api-extensions",)),
    Resource("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", namespaced=False, categories=("api-extensions",), subresources=("status",)),
    Resource("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", namespaced=False, categories=("api-extensions",)),
    Resource("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", namespaced=False, categories=("api-extensions",)),
    # apiextensions.k8s.io/v1
    Resource("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False, short_names=("crd", "crds"), categories=("api-extensions",), subresources=("status",), schema="io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"),
    # scheduling.k8s.io/v1
    Resource("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False, short_names=("pc",)),
    # coordination.k8s.io/v1
    Resource("coordination.k8s.io", "v1", "Lease", "leases"),
    # node.k8s.io/v1
    Resource("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", namespaced=False),
    # discovery.k8s.io/v1
    Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    # resource.k8s.io/v1
    Resource("resource.k8s.io", "v1", "DeviceClass", "deviceclasses", namespaced=False),
    Resource("resource.k8s.io", "v1", "ResourceClaim", "resourceclaims", subresources=("status",)),
    Resource("resource.k8s.io", "v1", "ResourceClaimTemplate", "resourceclaimtemplates"),
    Resource("resource.k8s.io", "v1", "ResourceSlice", "resourceslices", namespaced=False),
    # flowcontrol.apiserver.k8s.io/v1
    Resource("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "flowschemas", namespaced=False, subresources=("status",)),
    Resource("flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations", namespaced=False, subresources=("status",)),
)

#: group-versions that are views of the same stored objects: view -> where they are stored
STORED_AS: dict[tuple[str, str, str], tuple[str, str, str]] = {
    ("events.k8s.io", "v1", "events"): ("", "v1", "events"),
    ("autoscaling", "v1", "horizontalpodautoscalers"): ("autoscaling", "v2", "horizontalpodautoscalers"),
}
#: group-versions of the past, which are only served when asked for (see `legacy_resources`)
LEGACY_VERSIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "v1beta2"): ("daemonsets", "deployments", "replicasets", "statefulsets"),
    ("apps", "v1beta1"): ("deployments", "statefulsets"),
    ("extensions", "v1beta1"): ("daemonsets", "deployments", "replicasets"),
}
STORED_AS |= {
    (group, version, plural): ("apps", "v1", plural) for (group, version), plurals in LEGACY_VERSIONS.items() for plural in plurals
}
#: what is served in more than one version
_OF_TWO_VERSIONS = frozenset(plural for _, _, plural in STORED_AS)


#: groups whose every resource is built in
BUILT_IN_GROUPS = frozenset(row.group for row in BUILT_IN)
_KUBE_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


def connect_kind(row: Resource, subresource: str) -> str:
    """The kind of the options of a connection, "" for a subresource that is none."""
    return f"{row.kind}ProxyOptions" if subresource == "proxy" else CONNECT_KINDS.get(subresource, "")


def version_order(version: str) -> tuple[int, int, int, str]:
    """Sort key of version names, the most stable and newest first: v2, v1, v1beta2, v1alpha1, then others by name."""
    found = _KUBE_VERSION.fullmatch(version)
    if found is None:
        return 3, 0, 0, version
    stage = {None: 0, "beta": 1, "alpha": 2}[found.group(2)]
    return stage, -int(found.group(1)), -int(found.group(3) or 0), ""


def _order(row: Resource) -> tuple[str, tuple[int, int, int, str], str]:
    return row.group, version_order(row.version), row.plural


class ResourceTable:
    """Look-ups over a set of rows: those it was made of, and, after them, those of CustomResourceDefinitions, which come and go.

    `revision` grows with every change; subscribers are called after each.
    """

    def __init__(self, rows: Iterable[Resource] = BUILT_IN) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}
        self._base = tuple(rows)
        self._definitions: dict[str, tuple[Resource, ...]] = {}
        self._custom: list[Resource] = []
        self._subscribers: list[Callable[[], None]] = []
        self._computed: tuple[Resource, ...] = ()
        self._shown: Callable[[], bool] = bool
        self.revision = 0
        for row in self._base:
            self._add(row)

    def __iter__(self) -> Iterator[Resource]:
        yield from self._base
        yield from self._custom

    def compute(self, rows: Iterable[Resource], shown: Callable[[], bool]) -> None:
        """Rows whose objects are worked out, not stored: found by path and kind, not among all rows; in discovery once `shown` says so."""
        self._computed, self._shown = tuple(rows), shown
        for row in self._computed:
            self._add(row)

    @property
    def computed(self) -> tuple[Resource, ...]:
        """Those of them that discovery shows now."""
        return self._computed if self._shown() else ()

    def _add(self, row: Resource) -> None:
        self._by_path[row.group, row.version, row.plural] = row
        self._by_kind[row.api_version, row.kind] = row

    def put(self, definition: str, rows: Iterable[Resource]) -> None:
        """The rows of one CustomResourceDefinition are these from now on; without any it is gone."""
        for row in self._definitions.pop(definition, ()):
            self._by_path.pop((row.group, row.version, row.plural), None)
            if self._by_kind.get((row.api_version, row.kind)) is row:
                del self._by_kind[row.api_version, row.kind]
        if made := tuple(rows):
            self._definitions[definition] = made
            for row in made:
                self._add(row)
        self._custom = sorted((row for each in self._definitions.values() for row in each), key=_order)
        self.revision += 1
        for tell in self._subscribers:
            tell()

    def subscribe(self, tell: Callable[[], None]) -> None:
        """`tell` is called after every change."""
        self._subscribers.append(tell)

    @property
    def custom(self) -> tuple[Resource, ...]:
        """The rows of CustomResourceDefinitions."""
        return tuple(self._custom)

    def by_path(self, group: str, version: str, plural: str) -> Resource | None:
        return self._by_path.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Resource | None:
        return self._by_kind.get((api_version, kind))

    def current(self, row: Resource) -> Resource | None:
        """The row as it is now: of a custom kind with its newest definition. None when it is not served (any more)."""
        if row.group in BUILT_IN_GROUPS:
            return row
        return self._by_path.get((row.group, row.version, row.plural))

    def storage(self, row: Resource) -> Resource:
        """The row whose version the registry works in: of built-in kinds the one that objects are stored in, of custom ones the row itself."""
        if row.plural not in _OF_TWO_VERSIONS or row.custom is not None:
            return row  # nearly all: asked several times for every write
        target = STORED_AS.get((row.group, row.version, row.plural))
        return self._by_path[target] if target else row


TABLE = ResourceTable()


class UnknownResource(WherryError, KeyError):
    """There is no such built-in resource."""

    def __init__(self, plural: str, group: str, version: str) -> None:
        asked = f"{plural} in {group or 'the core group'}, {version}"
        like = [row for row in TABLE if plural.lower() in (row.plural, row.singular, row.kind.lower())]
        there = [f'resource("{row.plural}"' + (f', "{row.group}"' if row.group else "") + (f', version="{row.version}")' if row.version != "v1"
                 else ")") for row in like]
        super().__init__(f"there is no built-in resource {asked}" + (f": {' or '.join(there)}" if there else ""))

    def __str__(self) -> str:
        return str(self.args[0])


def resource(plural: str, group: str = "", version: str = "v1") -> Resource:
    """The built-in row of that path. Raises UnknownResource, which says where it is."""
    found = TABLE._by_path.get((group, version, plural))
    if found is None:
        raise UnknownResource(plural, group, version)
    return found
