"""From the API server to the node agent in the same process: logs of a pod's containers, and why they cannot be connected to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from wherry.api.errors import ServiceUnavailable, StatusError
from wherry.api.objects import Obj
from wherry.node.runtime import LogOptions as RuntimeLogOptions
from wherry.server.gateway import Connect, LogOptions, refused

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster


class Gateway:
    """Implements `wherry.server.gateway.NodeGateway`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Raises ServiceUnavailable when no node agent runs in this cluster."""
        nodes = self._cluster.nodes
        if nodes is None:
            raise ServiceUnavailable(f'no node agent runs in this cluster: no logs of pod "{pod["metadata"]["name"]}"')
        return nodes.runtime.logs(pod, container, self._options(options))

    def refusal(self, pod: Obj, wanted: Connect) -> StatusError:
        nodes = self._cluster.nodes
        if nodes is None:
            return ServiceUnavailable(f'no node agent runs in this cluster: no {wanted.what} of pod "{pod["metadata"]["name"]}"')
        return refused(pod, wanted)

    def _options(self, options: LogOptions) -> RuntimeLogOptions:
        since = options.since_seconds
        if options.since_time is not None:
            since = max(0, int(self._cluster.clock.now() - options.since_time))
        return RuntimeLogOptions(
            follow=options.follow,
            previous=options.previous,
            timestamps=options.timestamps,
            tail_lines=options.tail_lines,
            limit_bytes=options.limit_bytes,
            since_seconds=since,
        )
