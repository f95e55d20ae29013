"""The list of what runs in a cluster: each controller, the scheduler, the node agent; and their start."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.cluster.options import Options
from wherry.controllers.cronjob import CronJobController
from wherry.controllers.daemonset import DaemonSetController
from wherry.controllers.deployment import DeploymentController
from wherry.controllers.disruption import DisruptionController
from wherry.controllers.endpoints import EndpointsController
from wherry.controllers.endpointslice import EndpointSliceController
from wherry.controllers.garbage import GarbageCollector
from wherry.controllers.job import JobController
from wherry.controllers.namespace import NamespaceController
from wherry.controllers.node_lifecycle import NodeLifecycleController
from wherry.controllers.pod_gc import PodGarbageCollector
from wherry.controllers.replicaset import ReplicaSetController
from wherry.controllers.replicationcontroller import ReplicationControllerController
from wherry.controllers.root_ca import RootCAController
from wherry.controllers.serviceaccount import ServiceAccountController
from wherry.controllers.statefulset import StatefulSetController
from wherry.controllers.taint_eviction import TaintEvictionController
from wherry.controllers.ttl_after_finished import TTLAfterFinishedController
from wherry.kit.clock import Clock
from wherry.kit.tasks import Tasks
from wherry.node.simulated_nodes import SimulatedNodes
from wherry.node.timings import Timings
from wherry.reconcile.controller import Controller, Parts
from wherry.registry.core import ALPHABET
from wherry.scheduler.scheduler import DEFAULT_SCHEDULER, Scheduler

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster


async def start(cluster: Cluster, tasks: Tasks) -> None:
    """Fills the informers, then starts controllers, scheduler and nodes, in this order."""
    rng, client = cluster.rng, cluster.component
    if cluster.options.run_controllers:
        parts = Parts(client("kube-controller-manager"), cluster.informers, cluster.clock, lambda: "".join(rng.choices(ALPHABET, k=5)))
        cluster.controllers = {c.name: c for c in controllers(parts, cluster.pki.ca_pem if cluster.pki else "")}
        cluster.scheduler = scheduler(client("kube-scheduler"), cluster.informers, cluster.clock, rng)
    if cluster.options.run_nodes:
        cluster.nodes = node_agent(client("kubelet"), cluster.informers, cluster.clock, cluster.options)
    await cluster.informers.start()
    for controller in cluster.controllers.values():
        tasks.start(controller.run(), controller.name)
    if cluster.scheduler is not None:
        tasks.start(cluster.scheduler.run(), "scheduler")
    if cluster.nodes is not None:
        tasks.start(cluster.nodes.run(), "nodes")


#: in the order of their start
PLAIN: tuple[type[Controller], ...] = (
    NamespaceController,
    ServiceAccountController,
    DeploymentController,
    ReplicaSetController,
    ReplicationControllerController,
    StatefulSetController,
    DaemonSetController,
    JobController,
    CronJobController,
    TTLAfterFinishedController,
    EndpointsController,
    EndpointSliceController,
    GarbageCollector,
    DisruptionController,
    NodeLifecycleController,
    TaintEvictionController,
    PodGarbageCollector,
)


def controller_names() -> list[str]:
    return list(_makers(""))


def controllers(parts: Parts, ca_pem: str, names: Collection[str] | None = None) -> list[Controller]:
    """All controllers, or those named."""
    return [make(parts) for name, make in _makers(ca_pem).items() if names is None or name in names]


def _makers(ca_pem: str) -> dict[str, Callable[[Parts], Controller]]:
    root_ca: dict[str, Callable[[Parts], Controller]] = {RootCAController.name: lambda parts: RootCAController(parts, ca_pem)}
    return {each.name: each for each in PLAIN} | root_ca


def scheduler(client: Client, informers: Informers, clock: Clock, rng: random.Random, *, name: str = DEFAULT_SCHEDULER) -> Scheduler:
    return Scheduler(client, informers, clock, rng, name=name)


def node_agent(client: Client, informers: Informers, clock: Clock, options: Options) -> SimulatedNodes:
    timings = Timings(
        pull=options.pull_seconds, start=options.start_seconds, ready=options.ready_seconds, terminate=options.terminate_seconds
    )
    return SimulatedNodes(
        client,
        informers,
        clock,
        count=options.nodes,
        pods_per_node=options.pods_per_node,
        image_missing=options.image_missing,
        timings=timings,
        routine_events=options.routine_events,
    )
