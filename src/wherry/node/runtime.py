"""The runtime protocol: what the node agent needs of whatever runs containers. Adapters: `simulated`; others implement the same.

The steps of a pod are the worker's to take and the rules' to decide (`rules.pods`); a runtime carries out one step and says what came of
it. Calls return at once; what came of them is reported, at once or later, through the `report` given with them, on the event loop. Two
methods are about pods as a whole (`prepare`, `finish`), the rest about one container. Invariants: every call with a `report` is answered
once; after `Started` comes exactly one `Exited`, unless the pod is removed; after `remove` nothing is reported any more.
Source of the shape: the Container Runtime Interface (https://kubernetes.io/docs/concepts/containers/cri/), reduced.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from socket import socket
from typing import Literal, NamedTuple, Protocol

from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.container import Container, User
from wherry.rules.pods.kubelet.probes import Kind
from wherry.rules.pods.kubelet.references import Found
from wherry.streams.session import Session


# --- pods ---
class SandboxReady(NamedTuple):
    """Volumes and network of the pod are there. `addresses`: its own, or its node's with hostNetwork; the first is the main one."""

    addresses: tuple[str, ...]


class SandboxFailed(NamedTuple):
    """`volume` "": the sandbox itself; else that volume could not be set up."""

    message: str
    volume: str = ""


PodChange = SandboxReady | SandboxFailed
PodReport = Callable[[PodChange], None]


# --- images ---
class ImageFound(NamedTuple):
    """`user`: as the image says, "" for none (root), None where that is not known. `id` "": the image is not on the node."""

    id: str
    user: str | None = None


class Pulled(NamedTuple):
    """The image is there now, after so many seconds; `size` in bytes."""

    image: ImageFound
    seconds: float = 0.0
    size: int = 0


class PullFailed(NamedTuple):
    """`image`: the one that could not be had (`""`: the container's own). `reason`: of the state."""

    message: str
    image: str = ""
    reason: str = "ErrImagePull"


# --- lives ---
class Started(NamedTuple):
    """`id` with its scheme, as `containerID` shows it. `ready` False: it is not until a `Readiness` says so, whatever probes find.

    `image`: what the runtime calls its image, "" for as the pod does. `user`: who it is, None where nobody knows.
    """

    id: str
    image_id: str
    at: float
    ready: bool = True
    image: str = ""
    user: User | None = None


class StartFailed(NamedTuple):
    """`reason` CreateContainerError: there is no container; RunContainerError: there is one, which ended by itself (StartError)."""

    reason: str
    message: str
    id: str = ""
    exit_code: int = 128
    image_id: str = ""


class Readiness(NamedTuple):
    """The runtime holds back readiness, or no longer does. `message`: why, for an event."""

    ready: bool
    message: str = ""


class Probed(NamedTuple):
    """What one attempt found. `steady`: it stays so until the runtime reports `LookAgain`. `error`: the attempt could not be made."""

    success: bool
    output: str = ""
    steady: bool = False
    error: bool = False


class LookAgain(NamedTuple):
    """What was steady may have changed."""


class HookEnded(NamedTuple):
    """`message` "": it did what it should."""

    message: str = ""


class Exited(NamedTuple):
    """`message`: what the container left as its termination message."""

    exit_code: int
    at: float
    reason: str = ""
    message: str = ""
    signal: int = 0


Change = ImageFound | Pulled | PullFailed | Started | StartFailed | Readiness | LookAgain | Exited
Report = Callable[[Change], None]
#: of one attempt of a probe, and of one run of a hook
Attempt = Callable[[Probed], None]
HookReport = Callable[[HookEnded], None]


class Launch(NamedTuple):
    """How a container is to be started: its environment in full, and by mount path what it takes of its volumes (subPath).

    `variables` None: nobody asked for them (`Runtime.config`).
    """

    variables: Mapping[str, str] | None = None
    sub_paths: Mapping[str, str] | None = None


NOTHING_SAID = Launch()


class LogOptions(NamedTuple):
    """Query parameters of a log request. `tail_lines` and `limit_bytes` None: all. `stream`: All, Stdout or Stderr."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since_seconds: int | None = None
    stream: str = "All"


class Runtime(Protocol):
    #: scheme of container ids and of nodeInfo.containerRuntimeVersion
    name: str
    version: str
    #: what is looked up of environments and volumes: nothing, only what other objects give (to find faults), or all that a program needs
    config: Literal["nothing", "faults", "all"]

    async def begin(self, pods: Sequence[Obj]) -> None:
        """The agent starts, and these are the pods of its nodes: what else is there of earlier pods may go."""
        ...

    def check(self, pod: Obj) -> list[str]:
        """What is wrong with the pod's wishes to this runtime; reported as events, once."""
        ...

    def saw(self, pod: Obj) -> None:
        """A new version of a pod that it may know."""
        ...

    def read_file(self, pod: Obj, volume: str, path: str) -> str | None:
        """The text of a file in a volume of its own, None when it cannot be read. Raises LookupError where volumes hold no files."""
        ...

    # --- the pod as a whole ---
    def prepare(self, node: str, pod: Obj, found: Found, report: PodReport) -> None:
        """Set up its volumes and its sandbox. `found`: the objects that its volumes refer to."""
        ...

    def refresh(self, pod: Obj, found: Found) -> None:
        """What its volumes refer to is this now."""
        ...

    def holds(self, node: str, pod: Obj) -> bool:
        """The agent starts: whether the pod's sandbox is still there."""
        ...

    def finish(self, pod: Obj) -> None:
        """None of its containers runs any more, nor ever will: its network and volumes may go; what was logged stays."""
        ...

    def remove(self, pod: Obj) -> None:
        """The pod is gone from the API: end what is left of it at once, and forget it."""
        ...

    def lose(self, pod: Obj) -> None:
        """Its machine fails: nothing of it runs any more and nobody is told; its address stays taken."""
        ...

    # --- its containers ---
    def find_image(self, node: str, pod: Obj, container: Container, report: Report) -> None:
        """`ImageFound`."""
        ...

    def pull(self, node: str, pod: Obj, container: Container, report: Report) -> None:
        """Fetch the container's image, also when it is there: `Pulled` or `PullFailed`."""
        ...

    def start(self, node: str, pod: Obj, container: Container, launch: Launch, report: Report) -> None:
        """`Started`, and then `Readiness`, `LookAgain` and `Exited` as they happen; or `StartFailed`."""
        ...

    def stop(self, pod: Obj, container: Container, grace: float) -> None:
        """Ask the container to end within `grace` seconds; `Exited` follows. May be called again with less."""
        ...

    def resize(self, pod: Obj, container: Container, resources: Obj, report: Callable[[str], None]) -> None:
        """Give a container that runs other resources: why that failed, "" when it did not."""
        ...

    def unresizable(self, container: Container, resources: Obj) -> str:
        """Why a container cannot be given these in place, ever; "" when it can."""
        ...

    def probe(self, pod: Obj, container: Container, kind: Kind, spec: Obj, attempt: Attempt) -> None:
        """Make one attempt: `Probed`, after `timeoutSeconds` at the latest."""
        ...

    def hook(self, pod: Obj, container: Container, name: str, handler: Obj, report: HookReport) -> None:
        """Run a lifecycle handler (exec, httpGet or tcpSocket; `sleep` is the worker's). `name`: postStart or preStop."""
        ...

    def adopt(self, node: str, pod: Obj, container: Container, report: Report) -> bool:
        """The agent starts and its pod's status says this container runs: whether it does. Reports as after `start`."""
        ...

    # --- connections ---
    def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The container's output. Raises BadRequest when there is none to show."""
        ...

    async def exec(self, pod: Obj, container: str, command: Sequence[str], *, tty: bool = False, stdin: bool = False) -> Session:
        """Run a command in the container. Raises StatusError when that is not possible."""
        ...

    async def attach(self, pod: Obj, container: str, *, stdin: bool = False) -> Session:
        """The streams of the container's own program. Raises StatusError when that is not possible."""
        ...

    async def dial(self, pod: Obj, port: int) -> socket:
        """A connected socket to a port on the pod's own loopback (or its address). Raises StatusError, OSError."""
        ...
