"""The way to the nodes: what the server asks of whoever runs containers, when a client wants a pod's logs or a connection to it.

A `NodeGateway` is implemented by the node agent and called by `pod_requests`. What a runtime cannot do it refuses by name with a
StatusError. `Simulated` speaks for nodes whose containers are only simulated.
Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wherry.api.errors import BadRequest, StatusError
from wherry.api.objects import Obj
from wherry.streams.remote_command import Wanted

if TYPE_CHECKING:
    from wherry.streams.port_forward import Opened
    from wherry.streams.session import Session


class LogOptions(NamedTuple):
    """`stream`: All, Stdout or Stderr. `since_time` is seconds since the epoch."""

    follow: bool = False
    previous: bool = False
    since_seconds: int | None = None
    since_time: float | None = None
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    stream: str = "All"


class Connect(NamedTuple):
    """A connection that a client asks for. `what`: exec, attach, portforward or proxy; the rest as far as it applies."""

    what: str
    container: str = ""
    command: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    streams: Wanted = Wanted()


class NodeGateway(Protocol):
    def serves(self, node: str) -> bool:
        """Whether the node is one of this process; others are reached over the network, where the server knows how."""
        ...

    def simulates(self, node: str) -> bool:
        """Whether nothing runs on the node."""
        ...

    def refusal(self, pod: Obj, wanted: Connect) -> StatusError | None:
        """Why the pod's runtime does not take the connection, before anything is tried; None: it takes it."""
        ...

    async def open(self, pod: Obj, wanted: Connect) -> Session:
        """exec and attach: what runs, or is attached to. Raises StatusError."""
        ...

    async def dial(self, pod: Obj, port: int) -> Opened:
        """A connection to a port of the pod, as seen from inside of it. Raises OSError, StatusError."""
        ...

    def reaches(self, pod: Obj) -> bool:
        """Whether a pod of another machine is reached over the network of the pods of this process."""
        ...

    async def reach(self, pod: Obj, port: int) -> Opened:
        """A connection to a port of the pod's address, as everybody else in the cluster has it. Raises OSError, StatusError."""
        ...

    async def dial_node(self, node: str) -> Opened:
        """A connection to the kubelet's API of a node of this process, without TLS: who asks was let through before. Raises StatusError."""
        ...

    def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """What a container wrote, in pieces. Raises StatusError, at the latest with the first piece."""
        ...


def _statuses(pod: Obj) -> dict[str, Obj]:
    status = pod.get("status") or {}
    fields = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    return {entry["name"]: entry for name in fields for entry in status.get(name) or ()}


#: what would have to be there
_NEEDS = {
    "exec": "no command can run in it",
    "attach": "there is no process to attach to",
    "portforward": "nothing listens there",
    "proxy": "nothing listens there",
}


def refused(pod: Obj, wanted: Connect, state: str = "simulated: no process runs") -> StatusError:
    """The refusal by name: which subresource, which container, and why."""
    name = pod["metadata"]["name"]
    whom = f"container {wanted.container} of pod {name}" if wanted.container else f"pod {name}"
    where = f" on port {', '.join(wanted.ports)}" if wanted.ports else ""
    text = f"wherry does not serve pods/{wanted.what} here: {whom} is {state}, so {_NEEDS[wanted.what]}{where}"
    return StatusError(text, code=501, reason="NotImplemented")


def nobody_listens(node: str) -> StatusError:
    text = f"wherry does not serve nodes/proxy here: node {node} is simulated: no agent listens there"
    return StatusError(text, code=501, reason="NotImplemented")


class Simulated:
    """Simulated containers run no process: their log is one line that says so, and nobody can connect to them."""

    def serves(self, node: str) -> bool:
        return True

    def simulates(self, node: str) -> bool:
        return True

    def refusal(self, pod: Obj, wanted: Connect) -> StatusError | None:
        return refused(pod, wanted)

    async def open(self, pod: Obj, wanted: Connect) -> Session:
        raise refused(pod, wanted)

    async def dial(self, pod: Obj, port: int) -> Opened:
        raise refused(pod, Connect("portforward", ports=(str(port),)))

    def reaches(self, pod: Obj) -> bool:
        return False

    async def reach(self, pod: Obj, port: int) -> Opened:
        raise refused(pod, Connect("proxy", ports=(str(port),)))

    async def dial_node(self, node: str) -> Opened:
        raise nobody_listens(node)

    async def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        meta = pod["metadata"]
        state = _statuses(pod).get(container, {}).get("state") or {}
        if not {"running", "terminated"} & set(state):
            why = (state.get("waiting") or {}).get("reason") or "ContainerCreating"
            raise BadRequest(f'container "{container}" in pod "{meta["name"]}" is waiting to start: {why}')
        if options.previous and not _statuses(pod)[container].get("lastState"):
            raise BadRequest(f'previous terminated container "{container}" in pod "{meta["name"]}" not found')
        line = f"wherry: container {container} of pod {meta['namespace']}/{meta['name']} is simulated: no process runs, nothing is logged\n"
        if options.tail_lines != 0:
            yield line.encode()[: options.limit_bytes]
