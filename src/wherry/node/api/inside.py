"""The kubelet's API of nodes of this process: nobody listens on a port, the API server connects within the process.

Used by the cluster's gateway for `nodes/proxy`. Who asks was authorized by the API server. A node's API is made with its first question and
sees that node's pods alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from wherry.api.objects import Obj
from wherry.node.api.pods import PodRequests
from wherry.node.api.server import NodeApi
from wherry.node.engine import Usage
from wherry.node.runtime import Runtime
from wherry.rules.pods.kubelet.eviction import Observation, PodUse


class Nodes(Protocol):
    """The agent of the nodes."""

    @property
    def runtime(self) -> Runtime: ...

    def find(self, namespace: str, name: str) -> Obj | None: ...

    def all(self) -> list[Obj]: ...

    async def used(self) -> tuple[Usage, Mapping[str, Usage]]: ...

    async def storage(self, used: Mapping[str, Usage]) -> tuple[Mapping[str, Observation], Mapping[str, PodUse]]: ...


class _OfNode:
    def __init__(self, nodes: Nodes, name: str) -> None:
        self._nodes, self._name = nodes, name

    def find(self, namespace: str, name: str) -> Obj | None:
        pod = self._nodes.find(namespace, name)
        return pod if pod is not None and pod["spec"].get("nodeName") == self._name else None

    def all(self) -> list[Obj]:
        return [pod for pod in self._nodes.all() if pod["spec"].get("nodeName") == self._name]

    async def used(self) -> tuple[Usage, Mapping[str, Usage]]:
        return await self._nodes.used()

    async def storage(self, used: Mapping[str, Usage]) -> tuple[Mapping[str, Observation], Mapping[str, PodUse]]:
        return await self._nodes.storage(used)


class InsideApi:
    """`config`: the kubelet's configuration of a node; `now`: seconds since 1970."""

    def __init__(self, nodes: Nodes, config: Callable[[str], Obj], now: Callable[[], float]) -> None:
        self._nodes, self._config, self._now = nodes, config, now
        self._apis: dict[str, NodeApi] = {}

    async def connect(self, node: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        api = self._apis.get(node)
        if api is None:
            api = self._apis[node] = NodeApi(None, lambda: self._config(node), node)
            pods = _OfNode(self._nodes, node)
            api.serve(pods, PodRequests(pods, self._nodes.runtime, self._now))
        return await api.connect()

    async def close(self) -> None:
        for api in self._apis.values():
            await api.stop()
        self._apis.clear()
