"""Ports of nodes that lead to pods (`hostPort`): taken in each node's own network and on this machine, and relayed to the pod.

Run beside the nodes of the runtime process; a container runtime does it with its CNI plug-ins. A port that cannot be had is told in an
event of its pod and tried again. Who connects is seen by the pod as its node. Invariant: a listener is open exactly while its pod is there.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Collection, Sequence

from wherry.api.objects import Obj, key
from wherry.api.resources import resource
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.client.recorder import Recorder
from wherry.kit.clock import Clock
from wherry.linux.fabric import Fabric
from wherry.network.relaying import Served, served
from wherry.rules.networking import pod_ports
from wherry.rules.networking.proxy.host import Listener

#: seconds until a port that could not be had is tried again
_AGAIN = 10.0
#: a listener, and the node in whose network it is; "" for this machine
_At = tuple[str, Listener]


class PodPorts:
    """`addresses`: of this machine; `names`: of its nodes; `place`: of a node's own network in the fabric."""

    def __init__(self, client: Client, informers: Informers, clock: Clock, fabric: Fabric, addresses: Sequence[str],
                 names: Callable[[], Collection[str]], place: Callable[[str], str]) -> None:  # fmt: skip
        self._fabric, self._addresses, self._names, self._place = fabric, tuple(addresses), names, place
        self._recorder = Recorder(client, clock, "kubelet")
        self._pods = informers.of(resource("pods"))
        self._served: dict[str, dict[_At, Served]] = {}
        self._told: dict[str, str] = {}
        self._changed: set[str] = set()
        self._news = asyncio.Event()
        self._pods.add_handler(self._pod_changed, "pod ports")

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if any(each is not None and pod_ports.wants(each) for each in (old, new)):
            self._again(key(new or old or {}))

    def _again(self, pod: str) -> None:
        self._changed.add(pod)
        self._news.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._pods.synced()
        for each in self._pods.items():
            self._pod_changed(None, each)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._recorder.run())
                group.create_task(self._follow())
        finally:
            for listeners in self._served.values():
                for one in listeners.values():
                    one.close()
            self._served.clear()

    async def _follow(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            changed, self._changed = self._changed, set()
            for each in sorted(changed):
                await self._serve(each)

    async def _serve(self, pod: str) -> None:
        """Make it so for one pod."""
        found = self._pods.get(pod)
        wanted = self._wanted(found) if found is not None else []
        there = self._served.setdefault(pod, {})
        for gone in [each for each in there if each not in wanted]:
            there.pop(gone).close()
        problems = [why for each in wanted if each not in there and (why := await self._open(there, each))]
        if not there:
            del self._served[pod]
        text = "; ".join(problems)
        if text:
            asyncio.get_running_loop().call_later(_AGAIN, self._again, pod)
        if found is not None and text and self._told.get(pod) != text:
            self._recorder.event(found, "Warning", "HostPortUnavailable", text)
        if text:
            self._told[pod] = text
        else:
            self._told.pop(pod, None)

    def _wanted(self, pod: Obj) -> list[_At]:
        node = pod["spec"].get("nodeName", "")
        if node not in self._names() or not pod_ports.wants(pod):
            return []
        return [*((node, each) for each in pod_ports.on_node(pod)), *(("", each) for each in pod_ports.on_machine(pod, self._addresses))]

    async def _open(self, there: dict[_At, Served], wanted: _At) -> str:
        """Why it cannot be served; "" when it is."""
        node, listener = wanted
        try:
            there[wanted] = await served(self._fabric, listener, self._place(node) if node else None)
        except OSError as error:
            why = {errno.EADDRINUSE: "is in use", errno.EACCES: "is for root alone"}.get(error.errno or 0) or os.strerror(error.errno or 0)
            return f"{listener.protocol} port {listener.port} of {f'node {node}' if node else f'{listener.address} on this machine'} {why}"
        return ""
