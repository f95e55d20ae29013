"""What runs in a cluster: the controllers, the scheduler, the node agent; and their start."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from wherry.api.options import User
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.cluster import aggregation, guarding, identities, named_node, scheduling, storage, users
from wherry.cluster.component import Component
from wherry.cluster.controllers import OnDemand, Site
from wherry.cluster.node_clients import NodeClients
from wherry.cluster.option_values import OptionError
from wherry.cluster.options import Options
from wherry.kit.clock import Clock
from wherry.kit.tasks import Tasks
from wherry.node.agent import NodeAgent
from wherry.node.simulated_nodes import SimulatedNodes
from wherry.node.timings import Timings
from wherry.reconcile.controller import Parts
from wherry.registry.core import ALPHABET
from wherry.registry.event_expiry import EventExpiry

SIMULATED, PROCESS = "simulated", "process"

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.real_network import RealNetwork
    from wherry.rules.placing.scheduling.setup import Setup
    from wherry.scheduler.scheduler import Scheduler


#: puts a component under supervision
Run = Callable[[Component], None]

async def start(cluster: Cluster, tasks: Tasks) -> None:
    """Fills the informers, then starts controllers, scheduler and nodes, in this order. Who has nothing to do yet starts later.

    On a store that other servers share, each waits until this server is the one that runs it (`elected`).
    """
    options = cluster.options
    if options.run_nodes and options.runtime == SIMULATED and options.kubelet_config is not None:
        raise OptionError("kubelet_config: it is of nodes that run programs; these are simulated")
    if options.pods_outbound and (not options.run_nodes or options.runtime != PROCESS):
        raise OptionError("pods_outbound: it is of pods of the runtime process; wherry does not say what others reach")
    if options.expose_services and (not options.run_nodes or options.runtime == SIMULATED):
        raise OptionError("expose_services: it is of clusters whose nodes run programs; nothing listens at the addresses of others")
    if options.processes > 1:
        from wherry.cluster import processes

        processes.check(cluster)
    named_node.check(options)
    if options.pod_network not in ("auto", "none"):
        from wherry.cluster import pod_hosts

        pod_hosts.check(options)
    shared = bool(options.etcd_servers)
    setup = scheduling.setup_of(options)
    if options.run_controllers and not shared:
        cluster.on_demand = controllers(cluster, cluster.informers, tasks, cluster.run)
    if options.run_nodes and not (shared and options.runtime == SIMULATED):
        build_nodes(cluster)
    network = _real_network(cluster)
    if not shared:  # there events go with their leases
        expiry = EventExpiry(cluster.store, cluster.own_clock, options.event_ttl)
        cluster.run(Component("event expiry", users.API_SERVER, expiry.run))
    await cluster.informers.start()
    if cluster.on_demand is not None:
        cluster.on_demand.start()
        cluster.on_demand.when_first("pods", lambda: start_scheduler(cluster, cluster.informers, cluster.run, setup))
    if cluster.nodes is not None and cluster.real_nodes is None:
        cluster.run(Component("nodes", users.SIMULATED_NODES, cluster.nodes.run))
    if shared:
        from wherry.cluster import elected

        await elected.start(cluster)
    if cluster.real_nodes is not None:
        await cluster.real_nodes.begin()
        if options.node_name:
            await named_node.begin(cluster)
        if options.expose_services:
            from wherry.cluster import exposing

            await exposing.begin(cluster.real_nodes)
        if network is not None:
            await network.begin()
        cluster.run(Component("nodes", users.SIMULATED_NODES, cluster.real_nodes.run))
        if cluster.nodes is not None:
            cluster.run(Component("simulated nodes", users.SIMULATED_NODES, partial(_after, cluster.real_nodes, cluster.nodes)))
    if options.processes > 1:
        from wherry.cluster import processes

        await processes.begin(cluster)


def controllers(cluster: Cluster, informers: Informers, tasks: Tasks, run: Run) -> OnDemand:
    """Those that run from the start are made: start the informers, then what is returned."""
    reader, rng = cluster.component("kube-controller-manager", users.CONTROLLER_MANAGER), cluster.rng
    parts = Parts(reader, informers, cluster.own_clock, lambda: "".join(rng.choices(ALPHABET, k=5)))
    parts.table = cluster.registry.table
    on_demand = OnDemand(_site(cluster, parts), cluster.store, tasks, run)
    on_demand.prepare()
    return on_demand


def _site(cluster: Cluster, parts: Parts) -> Site:
    pki, guards = cluster.pki, cluster.options.guards

    def parts_of(user: User) -> Parts:
        manager = "kube-apiserver" if user is users.API_SERVER else "kube-controller-manager"
        return replace(parts, client=cluster.component(manager, user))

    return Site(
        parts,
        parts_of,
        storage.volumes(cluster),
        ca_pem=pki.ca_pem if pki else "",
        serves=True,
        sign=cluster.registry.issuer.sign,
        decide=identities.decider(cluster),
        authority=identities.authority(pki) if pki else None,
        guard=guarding.watch if guards else None,
        remember=guarding.remember if guards else None,
        steps=guarding.drive if guards else None,
        ask=aggregation.asking(cluster),
    )


def start_scheduler(cluster: Cluster, informers: Informers, run: Run, setup: Setup | None) -> None:
    client = cluster.component("kube-scheduler", users.SCHEDULER)
    cluster.scheduler = scheduler(client, informers, cluster.own_clock, cluster.rng, setup)
    run(Component("scheduler", users.SCHEDULER, cluster.scheduler.run))


def node_clients(cluster: Cluster, informers: Informers) -> NodeClients:
    """For an agent of this process, which speaks for each of its nodes as that node."""
    reader = cluster.component("kubelet", users.SIMULATED_NODES)
    return NodeClients(reader, lambda node: cluster.component("kubelet", users.node(node)), informers.of(resource("pods")))


def scheduler(client: Client, informers: Informers, clock: Clock, rng: random.Random, setup: Setup | None = None) -> Scheduler:
    from wherry.scheduler.scheduler import Scheduler

    return Scheduler(client, informers, clock, rng, setup)


def build_nodes(cluster: Cluster, informers: Informers | None = None) -> None:
    """Of the kind that the options name; on informers of their own where they are given."""
    informers = informers or cluster.informers
    client, options = node_clients(cluster, informers), cluster.options
    if options.runtime == SIMULATED:
        cluster.nodes = node_agent(client, informers, cluster.own_clock, options)
    else:
        from wherry.cluster import real_nodes

        folder, own = cluster.data_folder().absolute(), named_node.of(options)
        cluster.real_nodes = real_nodes.build(client, informers, cluster.own_clock, options, folder, own)
        if options.simulated_nodes:
            cluster.nodes = node_agent(client, informers, cluster.own_clock, replace(options, nodes=options.simulated_nodes))


async def _after(first: NodeAgent, then: NodeAgent) -> None:
    """Ranges of pod addresses are shared out by one at a time."""
    await first.registered.wait()
    await then.run()


def _real_network(cluster: Cluster) -> RealNetwork | None:
    """Where pods run programs on a network of ours."""
    nodes = cluster.real_nodes
    if nodes is None or nodes.fabric is None:
        return None
    from wherry.cluster.real_network import RealNetwork

    return RealNetwork(cluster, nodes, nodes.fabric)


def node_agent(client: Client, informers: Informers, clock: Clock, options: Options) -> SimulatedNodes:
    timings = Timings(options.pull_seconds, options.start_seconds, options.ready_seconds, options.terminate_seconds, options.job_seconds)
    return SimulatedNodes(
        client,
        informers,
        clock,
        count=options.nodes,
        pods_per_node=options.pods_per_node,
        cpu=options.node_cpu,
        memory=options.node_memory,
        zones=options.zones,
        image_missing=options.image_missing,
        timings=timings,
        whole_pods=not options.routine_events,
        full=options.routine_events,
        routine_events=options.routine_events,
    )
