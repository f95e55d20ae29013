"""The controllers there are, a row each, and when each of them starts.

A controller whose row names tables is imported and started when the first object appears in one of them: a cluster without a CronJob has
no CronJob controller, starts sooner, and tells nobody there about its pods. The names are those of kube-controller-manager's --controllers.
Called by `components` (in a cluster) and by `standalone` (alone: all that need no more than the API).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

from wherry.api.options import User
from wherry.cluster import users
from wherry.cluster.component import Component
from wherry.kit.tasks import Tasks
from wherry.reconcile.controller import Controller, Parts
from wherry.store.follow import when_first, when_next
from wherry.store.protocol import Store


@dataclass(slots=True)
class Site:
    """Where controllers run, and what some of them need; None: not to be had here, and who needs it does not run."""

    parts: Parts
    #: the same with a client of this user
    parts_of: Callable[[User], Parts]
    #: below it volumes are made
    volumes: str
    ca_pem: str | None = None
    #: whether controllers that belong to the API server run here
    serves: bool = False
    #: signs a ServiceAccount's token; decides what a user may do; gives the CA that signs certificates
    sign: Callable[..., Any] | None = None
    decide: Callable[..., Any] | None = None
    authority: Callable[[], Any] | None = None
    #: guards a rollout; remembers the configuration of a revision
    guard: Callable[..., Any] | None = None
    remember: Callable[..., Any] | None = None
    #: drives a workload through its steps
    steps: Callable[..., Any] | None = None
    #: asks the API server that an APIService names
    ask: Callable[..., Any] | None = None

    @property
    def table(self) -> Any:
        return self.parts.table


class Row(NamedTuple):
    """`path`: module:Class below `wherry.controllers`; `needs`: what of the Site it is given after its Parts.

    `inside`: it is a part of the API server. It starts with the first object of `tables`, or with the first write of `written` after the
    cluster's start; without either, at once.
    """

    name: str
    path: str
    tables: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    inside: bool = False
    written: tuple[str, ...] = ()

    @property
    def user(self) -> User:
        """As whom it writes."""
        return users.API_SERVER if self.inside else users.controller(self.name)

    def make(self, site: Site) -> Controller | None:
        """The controller; None when the site lacks what it needs."""
        given = [getattr(site, each) for each in self.needs]
        if None in given or (self.inside and not site.serves):
            return None
        module, _, name = self.path.partition(":")
        made: Controller = getattr(import_module(f"wherry.controllers.{module}"), name)(site.parts_of(self.user), *given)
        return made


_WORKLOADS = ("deployments.apps", "statefulsets.apps", "daemonsets.apps")
_CLAIMS, _VOLUMES = ("persistentvolumeclaims",), ("persistentvolumes",)
_REQUESTS = ("certificatesigningrequests.certificates.k8s.io",)
_ADDRESSES = "ipaddresses.networking.k8s.io"
_FLOW = ("flowschemas.flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io")
_DEFINITIONS = ("customresourcedefinitions.apiextensions.k8s.io",)

ROWS = (
    Row("namespace-controller", "namespace:NamespaceController", needs=("table",)),
    Row("serviceaccount-controller", "serviceaccount:ServiceAccountController"),
    Row("root-ca-certificate-publisher-controller", "root_ca:RootCAController", needs=("ca_pem",)),
    Row("clusterrole-aggregation-controller", "clusterrole_aggregation:ClusterRoleAggregationController"),
    Row("garbage-collector-controller", "garbage:GarbageCollector", needs=("table",)),
    Row("deployment-controller", "deployment:DeploymentController", ("deployments.apps",)),
    Row("replicaset-controller", "replicaset:ReplicaSetController", ("replicasets.apps",)),
    Row("replicationcontroller-controller", "replicationcontroller:ReplicationControllerController", ("replicationcontrollers",)),
    Row("statefulset-controller", "statefulset:StatefulSetController", ("statefulsets.apps",)),
    Row("daemonset-controller", "daemonset:DaemonSetController", ("daemonsets.apps",)),
    Row("job-controller", "job:JobController", ("jobs.batch",)),
    Row("cronjob-controller", "cronjob:CronJobController", ("cronjobs.batch",)),
    Row("ttl-after-finished-controller", "ttl_after_finished:TTLAfterFinishedController", ("jobs.batch",)),
    Row("token-cleaner-controller", "token_cleaner:TokenCleaner", ("secrets",)),
    Row("endpoints-controller", "endpoints:EndpointsController", ("services",)),
    Row("endpointslice-controller", "endpointslice:EndpointSliceController", ("services",)),
    Row("endpointslice-mirroring-controller", "endpointslice_mirroring:EndpointSliceMirroringController", ("endpoints",)),
    Row("disruption-controller", "disruption:DisruptionController", ("poddisruptionbudgets.policy",)),
    Row(
        "horizontal-pod-autoscaler-controller",
        "horizontal_pod_autoscaler:HorizontalPodAutoscalerController",
        ("horizontalpodautoscalers.autoscaling",),
    ),
    Row("resourcequota-controller", "resource_quota:ResourceQuotaController", ("resourcequotas",)),
    Row("node-lifecycle-controller", "node_lifecycle:NodeLifecycleController", ("nodes",)),
    Row("ttl-controller", "node_ttl:NodeTTLController", ("nodes",)),
    Row("taint-eviction-controller", "taint_eviction:TaintEvictionController", ("pods",)),
    Row("pod-garbage-collector-controller", "pod_gc:PodGarbageCollector", ("pods",)),
    Row(
        "validatingadmissionpolicy-status-controller",
        "validating_policy_status:ValidatingPolicyStatusController",
        ("validatingadmissionpolicies.admissionregistration.k8s.io",),
    ),
    Row("persistentvolume-binder-controller", "persistent_volume:PersistentVolumeController", (*_CLAIMS, *_VOLUMES)),
    Row("persistentvolume-provisioner-controller", "provisioner:HostPathProvisioner", (*_CLAIMS, *_VOLUMES), ("volumes",)),
    Row("persistentvolume-expander-controller", "expansion:ExpansionController", _CLAIMS),
    Row("ephemeral-volume-controller", "persistent_volume_ephemeral:EphemeralVolumeController", ("pods",)),
    Row("persistentvolumeclaim-protection-controller", "pvc_protection:ClaimProtectionController", _CLAIMS),
    Row("persistentvolume-protection-controller", "pv_protection:VolumeProtectionController", _VOLUMES),
    Row(
        "volumeattributesclass-protection-controller",
        "vac_protection:AttributesClassProtectionController",
        ("volumeattributesclasses.storage.k8s.io",),
    ),
    Row("serviceaccount-token-controller", "tokens:TokenSecretController", ("secrets",), ("ca_pem", "sign")),
    Row("certificatesigningrequest-approving-controller", "csr_approval:CSRApprovingController", _REQUESTS, ("decide",)),
    Row("certificatesigningrequest-cleaner-controller", "csr_cleaner:CSRCleanerController", _REQUESTS),
    Row("certificatesigningrequest-signing-controller", "csr_signing:CSRSigningController", _REQUESTS, ("authority",)),
    Row("crd-naming-controller", "crd_names:DefinitionNames", _DEFINITIONS, inside=True),
    Row("crd-finalizer", "crd_cleanup:DefinitionCleanup", _DEFINITIONS, inside=True),
    Row("crd-apiservice-controller", "api_services:APIServiceController", _DEFINITIONS, inside=True),
    Row("apiservice-status-remote-available-controller", "api_availability:APIAvailabilityController", needs=("ask",), inside=True,
        written=("apiservices.apiregistration.k8s.io",)),
    Row("service-ip-address-controller", "ip_addresses:IPAddressController", inside=True, written=("services", _ADDRESSES)),
    Row("service-cidr-controller", "service_cidrs:ServiceCIDRController", written=("servicecidrs.networking.k8s.io",)),
    Row("flow-schema-status-controller", "flow_schemas:FlowSchemaController", inside=True, written=_FLOW),
    Row("guard-controller", "guard:GuardController", _WORKLOADS, ("guard",)),
    Row("remember-controller", "remember:RememberController", _WORKLOADS, ("remember",)),
    Row("steps-controller", "steps:StepsController", _WORKLOADS, ("steps",)),
)


def chosen(words: Sequence[str], rows: Sequence[Row] = ROWS) -> list[Row]:
    """The rows of: `*` all, `name` this one, `-name` not this one; the suffix `-controller` may be left out.

    Source: kube-controller-manager --controllers. Raises ValueError for a name that is none.
    """
    full = {short: row.name for row in rows for short in (row.name, row.name.removesuffix("-controller"))}
    if wrong := [w.removeprefix("-") for w in words if w != "*" and w.removeprefix("-") not in full]:
        raise ValueError(f"no such controller: {', '.join(wrong)}; there are: {', '.join(sorted(row.name for row in rows))}")
    named = {full[w] for w in words if w in full}
    without = {full[w[1:]] for w in words if w.startswith("-")}
    return [row for row in rows if row.name not in without and (row.name in named or "*" in words)]


class OnDemand:
    """Starts each controller of a cluster at its time. `running`: those that have started, by the names of their rows."""

    def __init__(self, site: Site, store: Store, tasks: Tasks, run: Callable[[Component], None], rows: Sequence[Row] = ROWS) -> None:
        """`run`: where a controller goes that has begun; `tasks`: where it is begun."""
        self.running: dict[str, Controller] = {}
        self._site, self._store, self._tasks, self._run, self._rows = site, store, tasks, run, rows
        self._stopped = False

    def prepare(self) -> None:
        """Make those that run from the start, so that their informers are filled with all others."""
        for row in self._rows:
            if not (row.tables or row.written) or any(map(self._store.size, row.tables)):
                self._make(row)

    def start(self) -> None:
        """Start those, and each other one when there is work for it."""
        for row in self._rows:
            if (controller := self.running.get(row.name)) is not None:
                self._run(Component(row.name, row.user, controller.run))
            else:
                for table in row.tables:
                    self.when_first(table, lambda row=row: self._wanted(row))  # type: ignore[misc]
                for table in row.written:
                    when_next(self._store, table, lambda row=row: None if self._stopped else self._wanted(row))  # type: ignore[misc]

    def when_first(self, table: str, call: Callable[[], None]) -> None:
        """Call with the first object of a table, unless the cluster stops before."""
        when_first(self._store, table, lambda: None if self._stopped else call())

    def stop(self) -> None:
        """Nothing starts from now on, whatever is still being written."""
        self._stopped = True

    def _make(self, row: Row) -> Controller | None:
        made = row.make(self._site)
        if made is not None:
            self.running[row.name] = made
        return made

    def _wanted(self, row: Row) -> None:
        if row.name not in self.running:
            self._tasks.supervise(lambda: self._begin(row), f"{row.name} begins")

    async def _begin(self, row: Row) -> None:
        """It must not act before all that it reads is there."""
        if row.name in self.running or (controller := self._make(row)) is None:
            return
        for resource in controller.resources:
            await self._site.parts.informers.of(resource).synced()
        self._run(Component(row.name, row.user, controller.run))
