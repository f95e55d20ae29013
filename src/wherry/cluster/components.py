"""The list of what runs in a cluster: each controller, the scheduler, the node agent."""

from __future__ import annotations

import random

from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.cluster.options import Options
from wherry.controllers.daemonset import DaemonSetController
from wherry.controllers.deployment import DeploymentController
from wherry.controllers.endpoints import EndpointsController
from wherry.controllers.endpointslice import EndpointSliceController
from wherry.controllers.garbage import GarbageCollector
from wherry.controllers.namespace import NamespaceController
from wherry.controllers.replicaset import ReplicaSetController
from wherry.controllers.replicationcontroller import ReplicationControllerController
from wherry.controllers.root_ca import RootCAController
from wherry.controllers.serviceaccount import ServiceAccountController
from wherry.controllers.statefulset import StatefulSetController
from wherry.kit.clock import Clock
from wherry.node.simulated_nodes import SimulatedNodes
from wherry.node.timings import Timings
from wherry.reconcile.controller import Controller, Parts
from wherry.registry.registry import Registry
from wherry.scheduler.scheduler import Scheduler


def controllers(parts: Parts, registry: Registry, ca_pem: str) -> list[Controller]:
    return [
        NamespaceController(parts),
        ServiceAccountController(parts),
        RootCAController(parts, ca_pem),
        DeploymentController(parts),
        ReplicaSetController(parts),
        ReplicationControllerController(parts),
        StatefulSetController(parts),
        DaemonSetController(parts),
        EndpointsController(parts),
        EndpointSliceController(parts),
        GarbageCollector(parts),
    ]


def scheduler(client: Client, informers: Informers, clock: Clock, rng: random.Random) -> Scheduler:
    return Scheduler(client, informers, clock, rng)


def node_agent(client: Client, informers: Informers, clock: Clock, options: Options) -> SimulatedNodes:
    timings = Timings(pull=options.pull_seconds, start=options.start_seconds, ready=options.ready_seconds)
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
