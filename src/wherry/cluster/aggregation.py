"""The way to API servers behind Services, in pods or elsewhere: connections and our certificate. Called by `serving` and `components`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from wherry.cluster import pod_network
from wherry.cluster.pki import front_proxy

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cluster.cluster import Cluster
    from wherry.server.other_servers import OtherServers

_STILL = "its server is not asked while this cluster's time is virtual"


def servers(cluster: Cluster) -> OtherServers:
    from wherry.server.other_servers import OtherServers, Way

    async def dial(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        network = pod_network.of(cluster)
        if network is None or not network.has(host):
            return await asyncio.open_connection(host, port)
        return await asyncio.open_connection(sock=await network.connect(host, port))

    def identity() -> tuple[Path, Path] | None:
        return front_proxy(cluster.pki) if cluster.pki is not None else None

    return OtherServers(cluster.store, Way(dial, identity))


def asking(cluster: Cluster) -> Callable[[Obj], Awaitable[str]]:
    """Asks an APIService's server what it serves: "" when it answers, else why not."""
    known: list[OtherServers] = []

    async def ask(api_service: Obj) -> str:
        from wherry.registry.outside.calls import CallFailed
        from wherry.server.other_servers import path

        if hasattr(asyncio.get_running_loop(), "advance"):
            return _STILL
        if not known:
            known.append(servers(cluster))
        try:
            await known[0].get(api_service, path(api_service))
        except CallFailed as error:
            return str(error)
        return ""

    return ask
