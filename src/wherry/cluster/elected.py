"""Controllers, scheduler and nodes of servers that share an etcd: of each there is one set, on the server that holds its Lease.

Called by `components` in place of starting them. Each part waits for its Lease, gets informers of its own and runs until the Lease is lost
or the server stops; then all of it is taken down, and the server waits for the Lease again. The Leases are the reference's
(`kube-controller-manager`, `kube-scheduler`) and `wherry-nodes`, with shorter times, so that another server takes over within three
seconds. A server that stops gives its Leases back. Simulated nodes move like controllers; nodes that run programs are those of one machine,
so a second server with such is refused. Source: https://kubernetes.io/docs/concepts/architecture/leases/.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from wherry.api.options import User
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.cluster import components, scheduling, users
from wherry.cluster.component import Component
from wherry.kit.tasks import Tasks, Work
from wherry.reconcile.leader import LeaderElection, LeadershipLost
from wherry.rules.objects.leader_election import Timings
from wherry.store.protocol import StoreError

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster

log = logging.getLogger(__name__)


class Term:
    """What a part runs with while this server leads it: informers of its own, and tasks that end with it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.informers = Informers(cluster.component("kube-controller-manager", users.CONTROLLER_MANAGER), cluster.health)
        self.tasks = Tasks(lambda name, error: log.critical("%s stopped: %r", name, error, exc_info=error), cluster.health)
        self._components: list[Component] = []

    def run(self, component: Component) -> None:
        self._components.append(component)
        self.cluster.components.append(component)
        self.tasks.supervise(component.run, component.name)

    async def end(self) -> None:
        await self.tasks.stop()
        await self.informers.stop()
        for component in self._components:
            self.cluster.components.remove(component)


#: starts what a part is made of; gives what ends it beside the term itself
Begin = Callable[[Term], Awaitable[Callable[[], Awaitable[None]]]]


class Part(NamedTuple):
    """`lease`: its name; `user`, `manager`: as whom the Lease is taken."""

    lease: str
    user: User
    manager: str
    begin: Begin


def one_of_all(cluster: Cluster, lease: str, user: User, work: Work) -> Work:
    """`work` as it is done by one server of those that share an etcd, which holds that Lease; a server that is alone does it."""
    if not cluster.options.etcd_servers:
        return work

    async def begin(term: Term) -> Callable[[], Awaitable[None]]:
        term.run(Component(lease, user, work))
        return _nothing

    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    return _contending(cluster, Part(lease, users.API_SERVER, "kube-apiserver", begin), identity)


async def _nothing() -> None:
    """There is nothing to end beside the term."""


async def start(cluster: Cluster) -> None:
    """Each part of the options contends for its Lease from now on. Raises StoreError when nodes of this machine cannot run."""
    options = cluster.options
    parts = []
    if options.run_controllers:
        parts.append(Part("kube-controller-manager", users.CONTROLLER_MANAGER, "kube-controller-manager", _controllers))
        parts.append(Part("kube-scheduler", users.SCHEDULER, "kube-scheduler", _scheduler))
    nodes = Part("wherry-nodes", users.API_SERVER, "kube-apiserver", _nodes)
    if options.run_nodes and options.nodes and options.runtime == components.SIMULATED:
        parts.append(nodes)
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    for part in parts:
        cluster.run(Component(f"{part.lease} lease", part.user, _contending(cluster, part, identity)))
    if cluster.real_nodes is not None:
        await _alone(cluster, nodes, identity)


def _contending(cluster: Cluster, part: Part, identity: str) -> Work:
    timings, client = _timings(cluster), _client(cluster, part)

    async def contend() -> None:
        while True:
            election = LeaderElection(client, cluster.own_clock, part.lease, identity, timings=timings)
            try:
                await election.lead(lambda: _work(cluster, part))
            except LeadershipLost as error:
                log.warning("%s; it waits to lead again", error)

    return contend


def _timings(cluster: Cluster) -> Timings:
    options = cluster.options
    return Timings(options.leader_elect_lease_duration, options.leader_elect_renew_deadline, options.leader_elect_retry_period)


def _client(cluster: Cluster, part: Part) -> Client:
    return cluster.component(part.manager, part.user)


async def _work(cluster: Cluster, part: Part) -> None:
    """One term. Raises GivenUp."""
    log.info("this server leads %s", part.lease)
    term = Term(cluster)
    end: Callable[[], Awaitable[None]] | None = None
    try:
        end = await part.begin(term)
        while True:
            await term.tasks.wait()
            await asyncio.sleep(1)  # until the first thing there is to do
    finally:
        if end is not None:
            await end()
        await term.end()


async def _controllers(term: Term) -> Callable[[], Awaitable[None]]:
    cluster = term.cluster
    on_demand = cluster.on_demand = components.controllers(cluster, term.informers, term.tasks, term.run)
    await term.informers.start()
    on_demand.start()

    async def end() -> None:
        on_demand.stop()
        cluster.on_demand = None

    return end


async def _scheduler(term: Term) -> Callable[[], Awaitable[None]]:
    cluster = term.cluster
    await term.informers.start()
    components.start_scheduler(cluster, term.informers, term.run, scheduling.setup_of(cluster.options))

    async def end() -> None:
        cluster.scheduler = None

    return end


async def _nodes(term: Term) -> Callable[[], Awaitable[None]]:
    cluster = term.cluster
    components.build_nodes(cluster, term.informers)
    assert cluster.nodes is not None
    await term.informers.start()
    term.run(Component("nodes", users.SIMULATED_NODES, cluster.nodes.run))

    async def end() -> None:
        cluster.nodes = None

    return end


async def _alone(cluster: Cluster, part: Part, identity: str) -> None:
    """Nodes of this machine stay: the Lease is held for as long as the server lives. Raises StoreError when another has it."""
    timings = _timings(cluster)
    lease = f"{part.lease}-{named}" if (named := cluster.options.node_name) else part.lease
    election = LeaderElection(_client(cluster, part), cluster.own_clock, lease, identity, timings=timings)

    async def hold() -> None:
        with suppress(LeadershipLost):  # it is taken again, unless another server has begun meanwhile, which its start refuses
            await election.lead(asyncio.Event().wait)  # type: ignore[arg-type]
        raise RuntimeError(f"the lease {lease} is not held")

    cluster.run(Component(f"{lease} lease", part.user, hold))
    try:
        await asyncio.wait_for(election.leading.wait(), timings.duration + 2 * timings.retry + 1)
    except TimeoutError:
        whose = f"the node {named}" if named else "nodes without a name of their own"
        raise StoreError(f"another server on this etcd runs {whose}: give --node-name, or --no-run-nodes here") from None
