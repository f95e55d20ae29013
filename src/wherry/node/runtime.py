"""The runtime protocol: what the node agent needs of whatever runs containers. Adapters: `simulated`; others implement the same.

Calls return at once; what came of them is reported, at once or later, through the `report` given with the container, on the event loop.
Invariant: after `start` comes `Started` or `StartFailed`; after `Started` exactly one `Exited`, unless the pod is removed.
Source of the shape: the Container Runtime Interface (https://kubernetes.io/docs/concepts/containers/cri/), reduced.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple, Protocol

from wherry.api.objects import Obj
from wherry.rules.kubelet.container import Container


class Pulled(NamedTuple):
    """The image is there. `present`: it was before, nothing was pulled."""

    seconds: float = 0.0
    size: int = 0
    present: bool = False


class PullFailed(NamedTuple):
    """`never`: it is not there and must not be pulled."""

    image: str
    message: str
    never: bool = False


class Started(NamedTuple):
    """`id` with its scheme, as `containerID` shows it."""

    id: str
    image_id: str
    at: float


class StartFailed(NamedTuple):
    reason: str
    message: str


class Readiness(NamedTuple):
    """What probes found; a container without probes is reported ready when it has started."""

    ready: bool
    started: bool = True


class Exited(NamedTuple):
    exit_code: int
    at: float
    reason: str = ""
    message: str = ""
    signal: int = 0


Change = Pulled | PullFailed | Started | StartFailed | Readiness | Exited
Report = Callable[[Change], None]


class LogOptions(NamedTuple):
    """Query parameters of a log request. `tail_lines` and `limit_bytes` None: all."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since_seconds: int | None = None


class Runtime(Protocol):
    #: scheme of container ids and of nodeInfo.containerRuntimeVersion
    name: str
    version: str

    def check(self, pod: Obj) -> list[str]:
        """What is wrong with the pod's wishes to this runtime; reported as events, once."""
        ...

    def saw(self, pod: Obj) -> None:
        """A new version of a pod that it may know."""
        ...

    def pull(self, node: str, pod: Obj, container: Container, report: Report) -> None:
        """Make sure the container's image is on the node: `Pulled` or `PullFailed`."""
        ...

    def start(self, node: str, pod: Obj, container: Container, report: Report) -> None:
        """`Started` and then `Readiness` and `Exited` as they happen, or `StartFailed`."""
        ...

    def stop(self, pod: Obj, container: Container, grace: float) -> None:
        """Ask the container to end within `grace` seconds; `Exited` follows."""
        ...

    def adopt(self, node: str, pod: Obj, container: Container, report: Report) -> bool:
        """The agent starts and its pod's status says this container runs: whether it does. Reports as after `start`."""
        ...

    def remove(self, pod: Obj) -> None:
        """The pod is gone: end what is left of it at once, report nothing more."""
        ...

    def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The container's output. Raises BadRequest when there is none to show."""
        ...

    async def exec(self, pod: Obj, container: str, command: Sequence[str], stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        """Run a command in the container: exit code, output, errors. Raises BadRequest when that is not possible."""
        ...
