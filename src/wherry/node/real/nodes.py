"""Real nodes: a number of nodes of one machine whose pods run programs, on one engine and one fabric, served by one agent.

Built by the cluster for `runtime="process"`. The nodes are named node-0, node-1, ... at 10.0.0.1 and on inside the fabric, and say in
nodeInfo what the machine is. What they do beside running pods is `upkeep`.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, name
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.linux.fabric import Fabric
from wherry.node.agent import NodeAgent
from wherry.node.engine import Engine, Usage
from wherry.node.real import machine
from wherry.node.real.runtime import RealRuntime
from wherry.node.real.shutdown import Shutdown
from wherry.node.real.static_pods import StaticPods
from wherry.node.real.upkeep import Upkeep
from wherry.node.single_claims import SingleClaims
from wherry.node.worker import PodWorker
from wherry.rules.pods.kubelet import eviction
from wherry.rules.pods.kubelet.configuration import NOTHING, KubeletConfiguration, by_phases, read, shown
from wherry.rules.pods.kubelet.eviction import Observation, PodUse
from wherry.rules.pods.kubelet.network_files import parse_resolver
from wherry.rules.pods.kubelet.node_object import NodeFacts, NodeSpec
from wherry.rules.pods.kubelet.pod_ranges import LARGE, USUAL, network, pod_ranges, range_by_name
from wherry.rules.pods.kubelet.references import Found, Ref
from wherry.rules.pods.kubelet.status import Verdict

if TYPE_CHECKING:
    from wherry.node.api.inside import InsideApi

NODES, PODS = resource("nodes"), resource("pods")
_NAME = "node-"
_MACHINES = uuid.UUID("2f0f3c1a-55d1-5d9b-8a0e-0f4d6c1be001")
_ATTACHING = "volumes.kubernetes.io/controller-managed-attach-detach"
#: the limits that the kernel does not keep here: memory is watched, and who takes too much is killed; the rest is not
_LOOSE = "wherry.dev/limits-not-enforced"
#: what these nodes can that not every node can, as the scheduler is told
FEATURES = ("ExtendWebSocketsToKubelet",)


class Joined(NamedTuple):
    """A node that joins a cluster of other processes, and is asked by its API server."""

    name: str
    address: str
    port: int


def _nobody() -> None:
    """There is nobody to tell."""


class OtherHosts(Protocol):
    """The pods of other machines, where they are reached from here."""

    def has_address(self, address: str) -> bool:
        """Raises ValueError for what is no address."""
        ...

    def close(self) -> None: ...


class RealNodes(NodeAgent):
    """`count` nodes; `folder`: where their pods' files are; `dns`: the cluster's name server, "" for none.

    `joined`: one node of this name, whose API is at this address and port; instead of `count`. `configuration`: of their kubelets.
    """

    def __init__(self, client: Client, informers: Informers, clock: Clock, engine: Engine, folder: Path, *, count: int = 1,
                 pods_per_node: int = 110, dns: str = "", routine_events: bool = True, joined: Joined | None = None,
                 configuration: KubeletConfiguration | None = None, memory: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._capacity = machine.capacity(folder, pods_per_node)
        self._pods_per_node = pods_per_node
        self._client = client
        self._engine = engine
        self._api: InsideApi | None = None
        self.others: OtherHosts | None = None
        self._shared_range = ""
        #: called when the ranges of these nodes' pods are known
        self.placed: Callable[[], None] = _nobody
        #: of pods of nodes that this agent does not list
        self.ranges_of_others: Callable[[], Sequence[str]] = tuple
        self._configuration = configuration or read(NOTHING)
        specs = [self._spec(index) for index in range(count)] if joined is None else [self._joined(joined)]
        self._real = RealRuntime(
            engine, client, clock, folder, nodes={spec.name: (spec.internal_ip,) for spec in specs}, dns=dns,
            resolver=parse_resolver(machine.resolver_text()), allocatable=self._capacity, memory=memory,
        )  # fmt: skip
        own = informers.of(PODS, field_selector=f"spec.nodeName={joined.name}") if joined is not None else informers.of(PODS)
        super().__init__(client, informers, clock, self._real, specs, full=True, routine_events=routine_events, pods=own,
                         services=informers.of(resource("services")), claims=SingleClaims(client, clock, own) if joined else None)
        self._alone = joined is not None
        self._upkeep = Upkeep(self, engine, self._real, self._configuration, folder)
        self.stands = self._upkeep.stands
        self._shutdown = Shutdown(self, told=self._configuration.shutdown_asked)
        self._heartbeat.facts = self._facts

    def _facts(self) -> NodeFacts:
        facts = self._upkeep.facts()
        return facts._replace(trouble=self._shutdown.trouble) if self._shutdown.trouble else facts

    def _spec(self, index: int) -> NodeSpec:
        called = f"{_NAME}{index}"
        return NodeSpec(
            called, f"10.0.{(index + 1) // 250}.{(index + 1) % 250}", self._capacity, architecture=machine.architecture(),
            runtime_version=f"{self._engine.name}://{self._engine.version}", os_image=machine.os_image(), kernel_version=machine.kernel(),
            machine_id=uuid.uuid5(_MACHINES, called + machine.machine_id()).hex, boot_id=machine.boot_id(), features=FEATURES,
        )  # fmt: skip

    def _joined(self, joined: Joined) -> NodeSpec:
        uuid_ = uuid.uuid5(_MACHINES, joined.name + machine.machine_id())
        usual = self._spec(0)
        # pods of its own network share the machine's address as pods of the host's network do, unless nobody else can have it
        own = usual.internal_ip if ip_address(joined.address).is_loopback else joined.address
        return replace(
            usual, name=joined.name, internal_ip=own, kubelet_address=joined.address, kubelet_port=joined.port, machine_id=uuid_.hex
        )

    def admit_by(self, admit: Callable[[Obj, Sequence[str]], Awaitable[None]], forget: Callable[[Obj], None]) -> None:
        """Nothing in a pod starts before `admit` returned for it and its addresses, or raised StartFailed. `forget`: its network went."""
        self._real.admit, self._real.forget = admit, forget

    # --- its pods, for its own API ---
    def find(self, namespace: str, name: str) -> Obj | None:
        pod = self._pods.get(f"{namespace}/{name}")
        return pod if pod is not None and pod["spec"].get("nodeName") in self._nodes else None

    def all(self) -> list[Obj]:
        """As a kubelet shows them: with where it heard of them, and when."""
        return [self._real.as_seen(pod) for pod in self._own()]

    def _own(self) -> list[Obj]:
        return [pod for pod in self._pods.items() if pod["spec"].get("nodeName") in self._nodes]

    async def used(self) -> tuple[Usage, Mapping[str, Usage]]:
        """What the machine uses, and each container by its id."""
        return machine.used(self.clock.now()), await self._engine.stats()

    async def storage(self, used: Mapping[str, Usage]) -> tuple[Mapping[str, Observation], Mapping[str, PodUse]]:
        """What is left of the machine, and what pods have on its disk by uid; `used` as from `used`."""
        return await self._upkeep.storage(used)

    @property
    def fabric(self) -> Fabric | None:
        """The network of their pods, None where the engine has none of its own."""
        return self._engine.fabric

    def networks(self) -> list[str]:
        """Of their pods, and of those of other machines where they are reached, and the addresses of the nodes themselves."""
        own = network(len(self._nodes), self._pods_per_node) if self.others is None else LARGE
        return [str(own), *(spec.internal_ip for spec in self._nodes.values())]

    def has_address(self, address: str) -> bool:
        """Whether one of these nodes has it, or it is of the range of their pods, or of pods of other machines that are reached from here.

        Raises ValueError for what is no address.
        """
        if self.others is not None and self.others.has_address(address):
            return True
        found = ip_address(address)
        ranges = {spec.pod_range or self._shared_range for spec in self._nodes.values()} - {""}
        return any(spec.internal_ip == address for spec in self._nodes.values()) or any(found in ip_network(each) for each in ranges)

    async def begin(self) -> None:
        """Whether the machine lets programs run: once, before `run`. Raises Unavailable."""
        await self._real.ready()
        loose = sorted({"cpu", "memory"} - set(self._engine.enforced))
        said = {_ATTACHING: "true", **({_LOOSE: ",".join(loose)} if loose else {})}
        version = f"{self._engine.name}://{self._engine.version}"
        for spec in list(self._nodes.values()):
            own = (spec.kubelet_address or machine.address()) if self._engine.machine else spec.internal_ip
            self.place_node(replace(spec, annotations=said, runtime_version=version, internal_ip=own))
            self._real.place_node(spec.name, (own,))

    def say(self, annotations: Mapping[str, str]) -> None:
        """More of what their Nodes say of this machine, before `run`."""
        for spec in list(self._nodes.values()):
            self.place_node(replace(spec, annotations={**spec.annotations, **annotations}))

    async def run(self) -> None:
        await self._place_nodes()
        async with asyncio.TaskGroup() as group:
            group.create_task(super().run())
            group.create_task(self._upkeep.run())

    async def close(self) -> None:
        """End every pod's programs at once."""
        if self._api is not None:
            await self._api.close()
        if self.others is not None:
            self.others.close()
        await self._real.close()

    async def shut_down(self, otherwise: float = 0.0) -> None:
        """End all pods in order, before `run` is ended. `otherwise`: seconds, if the kubelet's configuration says nothing."""
        asked = self._configuration.shutdown_asked
        if not asked and (otherwise <= 0 or self._engine.survives):
            return
        self.takes_pods = asked
        ending = asyncio.ensure_future(self._shutdown.run(self._configuration.shutdown or by_phases(otherwise, 0.0)))
        if asked:
            await self._heartbeat.post()
        await ending

    def hurry(self) -> None:
        """Wait no longer for pods that end."""
        self._shutdown.hurry()

    def status_changed(self, worker: PodWorker) -> None:
        if not self._shutdown.silent:
            super().status_changed(worker)
        self._shutdown.changed()

    def refusal(self, pod: Obj) -> Verdict | None:
        if self._shutdown.refusal is not None:
            return self._shutdown.refusal
        why = self._upkeep.refusal(pod)
        return Verdict(eviction.REASON, why) if why else None

    def static_pods(self, folder: Path) -> StaticPods:
        return StaticPods(self._client, self.clock, folder, lambda: self.node_names, self._own)

    async def look_up(self, namespace: str, refs: tuple[Ref, ...]) -> Found:
        """Raises StatusError, OSError."""
        return await self._reading.now(namespace, refs)

    async def connect(self, node: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the kubelet's API of one of them, within this process."""
        if self._api is None:
            from wherry.node.api.inside import InsideApi  # with the first question: a start does without

            self._api = InsideApi(self, self.configz, self.clock.now)
        return await self._api.connect(node)

    def configz(self, node: str) -> Obj:
        """The configuration of that node's kubelet, as its API shows it."""
        spec = self._nodes[node]
        own = {"address": spec.kubelet_address or spec.internal_ip, "port": spec.kubelet_port, "maxPods": self._pods_per_node}
        return shown(self._configuration, own)

    async def _known_nodes(self) -> list[Obj]:
        """All that this agent may see."""
        if not self._alone:
            return list((await self._client.list(NODES)).items)
        found = []
        for each in self._nodes:
            with contextlib.suppress(NotFound):
                found.append(await self._client.get(NODES, "", each))
        return found

    async def _place_nodes(self) -> None:
        """Everyone gets a range of addresses; those that have one keep it."""
        there = {name(node): (node.get("spec") or {}).get("podCIDR") or "" for node in await self._known_nodes()}
        ranges = {each: text for each, text in there.items() if text}
        new = [each for each in self._nodes if each not in ranges]
        if self._alone:  # one of its own, by its name
            ranges.update({each: range_by_name(each, self._pods_per_node, self.ranges_of_others()) for each in new})
        else:
            ranges.update(zip(new, pod_ranges(len(new), self._pods_per_node, ranges.values()), strict=False))
        for each in list(self._nodes):
            if each in ranges:
                self.place_node(replace(self._nodes[each], pod_range=ranges[each]))
                self._real.place(each, ranges[each])
        # where ranges do not fit, nodes have one together
        self._shared_range = str(USUAL)
        self.placed()
        await self._engine.use_ranges([ranges[each] for each in self._nodes if each in ranges])
