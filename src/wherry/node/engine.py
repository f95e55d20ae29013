"""What runs containers: the protocol that the node's runtime adapter and its sessions stand on. Implemented by `node.process`, `node.cri`.

A pod is run first (its network, hostname, shared namespaces), then its containers are started in it; what ends is told by `exits`, once per
container. Sizes are bytes, times seconds since 1970, lengths of time seconds, processor time seconds of one core.
Source of the shape: the Container Runtime Interface (https://kubernetes.io/docs/concepts/containers/cri/), reduced.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from wherry.linux.fabric import Fabric, RulesRefused, RulesTooLarge
from wherry.rules.pods.kubelet.container import User
from wherry.streams.session import Session

__all__ = [
    "ContainerBox", "Credentials", "Engine", "Exit", "Fabric", "HostPort", "Image", "ImageConfig", "Known", "KnownPod", "Limits", "Mount",
    "NameServers", "NoSuchContainer", "PodAt", "PodBox", "Progress", "Propagation", "PullFailed", "RulesRefused", "RulesTooLarge",
    "Security", "StartFailed", "Unavailable", "Usage", "User",
]


# --- what is refused ---
class Unavailable(Exception):
    """This machine does not let the engine run (or it ended). `why` names the refusal, `remedy` what to do about it."""

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(f"{why}: {remedy}" if remedy else why)
        self.why, self.remedy = why, remedy


class StartFailed(Exception):
    """A pod or container could not be started. `reason` as in the state: CreateContainerError, RunContainerError, StartError.

    `id`: of the container that was made and did not start, "" where the caller knows it.
    """

    def __init__(self, reason: str, text: str, exit_code: int = 128, id: str = "") -> None:
        super().__init__(text)
        self.reason, self.text, self.exit_code, self.id = reason, text, exit_code, id


class PullFailed(Exception):
    """An image is not to be had. `kind`: the reason of the container's state; `text`: what the container runtime says."""

    def __init__(self, kind: Literal["InvalidImageName", "RegistryUnavailable", "ErrImagePull"], text: str) -> None:
        super().__init__(text)
        self.kind, self.text = kind, text


class NoSuchContainer(Exception):
    """It never was, it has ended, or it was removed."""


# --- images ---
@dataclass(frozen=True, slots=True)
class ImageConfig:
    """How an image's author meant it to be run. `user` is a name, a number, or either with ":group"."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    user: str = ""
    working_dir: str = ""
    stop_signal: str = ""
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """`id`: digest of its configuration; `digests`: "name@sha256:..." as pulled; `size`: what it takes on disk."""

    id: str
    names: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size: int = 0
    config: ImageConfig = field(default_factory=ImageConfig)


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """For registries whose host (and path) `registry` matches, as in a config.json's `auths`."""

    registry: str
    username: str = ""
    password: str = ""
    token: str = ""


#: bytes that came so far, bytes in all (0: not known yet)
Progress = Callable[[int, int], None]


# --- pods and containers ---
class HostPort(NamedTuple):
    """A port of the node that leads to one of the pod's. `protocol`: TCP, UDP or SCTP; `address` "": any of the node's."""

    port: int
    container_port: int
    protocol: str = "TCP"
    address: str = ""


class NameServers(NamedTuple):
    """What /etc/resolv.conf says."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """Who the program is and what it may do. `uid` and `gid` None: as the image says, else 0. Capabilities without CAP_ ("ALL" too).

    `seccomp`, `apparmor`: RuntimeDefault, Unconfined, "" (nothing said), or localhost/NAME for a profile of the node. `selinux`: user,
    role, type, level. `strict_groups`: none of the groups that the image gives its user.
    """

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    strict_groups: bool = False
    privileged: bool = False
    read_only_root: bool = False
    no_new_privileges: bool = False
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    seccomp: str = ""
    apparmor: str = ""
    selinux: tuple[str, str, str, str] | None = None
    unmasked_proc: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PodBox:
    """What containers of a pod share. `addresses`: its own, chosen by the node; none with `host_network` (it has its node's).

    `scratch`: bytes that what its containers write beside volumes may take, 0 for the engine's default. `id` is unique over all nodes.
    `logs`: the folder below which its containers' logs are. `qos`: Guaranteed, Burstable or BestEffort. `handler`: of its RuntimeClass.
    `security`: what of it holds for the pod as a whole; privileged when one of its containers is.
    """

    id: str
    namespace: str
    name: str
    node: str
    hostname: str
    domain: str = ""
    addresses: tuple[str, ...] = ()
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_processes: bool = False
    sysctls: tuple[tuple[str, str], ...] = ()
    scratch: int = 0
    logs: str = ""
    qos: str = "BestEffort"
    handler: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    ports: tuple[HostPort, ...] = ()
    names: NameServers = field(default_factory=NameServers)
    security: Security = field(default_factory=Security)


@dataclass(frozen=True, slots=True)
class PodAt:
    """A pod that runs: `id` names it to the engine and is its place in the fabric."""

    id: str
    addresses: tuple[str, ...]


#: whether what is mounted below later, on one side, appears on the other
Propagation = Literal["", "HostToContainer", "Bidirectional"]


@dataclass(frozen=True, slots=True)
class Mount:
    """`source` on the host appears at `target`; parent folders are made. `source` "": an empty tmpfs of `size` bytes (0: no limit)."""

    source: str
    target: str
    read_only: bool = False
    size: int = 0
    mode: int = 0o1777
    propagation: Propagation = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """0 is none. `cpu` in cores, `shares` by the kernel's old measure (1024 is one core's worth).

    `oom_score`: who is killed first when the machine's memory is used up (-1000 to 1000). `huge_pages`: bytes by size (2MB, 1GB).
    """

    memory: int = 0
    cpu: float = 0.0
    shares: int = 0
    processes: int = 0
    oom_score: int = 0
    huge_pages: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerBox:
    """`command` and `args` replace the image's entrypoint and command as in a pod's spec; `env` goes over the image's.

    `id` is the caller's (64 hexadecimal digits, say) and never used twice; an engine may have ids of its own (`Engine.start` gives it).
    `log`: a file for the output in the CRI format, "" for none. `run`: how often it was started before in this pod. `target`: the id of the
    container whose processes it sees too, "" for its own alone.
    """

    id: str
    name: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    mounts: tuple[Mount, ...] = ()
    security: Security = field(default_factory=Security)
    limits: Limits = field(default_factory=Limits)
    tty: bool = False
    stdin: bool = False
    stdin_once: bool = False
    log: str = ""
    stop_signal: str = ""
    run: int = 0
    target: str = ""


@dataclass(frozen=True, slots=True)
class Exit:
    """A container ended. `signal`: of its death, 0 for none; `code` is then 128 + signal. `reason`: OOMKilled, or "" for the usual."""

    id: str
    code: int
    at: float
    signal: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A container that the engine has. `running` False: it ended and was not removed. `run`: as in its box."""

    id: str
    pod: str
    name: str
    image: str
    started_at: float
    running: bool
    run: int = 0


@dataclass(frozen=True, slots=True)
class KnownPod:
    """A pod that the engine has, of this start or of an earlier one. `ready` False: its network or shared namespaces are gone."""

    at: PodAt
    node: str
    ready: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """`memory`: the working set; `written`: bytes in its writable layer, where that can be told."""

    cpu: float
    memory: int
    processes: int
    at: float
    written: int = 0


# --- the engine ---
class Engine(Protocol):
    """One engine runs the pods of any number of nodes of one cluster."""

    #: scheme of container ids and of nodeInfo.containerRuntimeVersion
    name: str
    version: str
    #: None where the engine brings a network that is not to be entered
    fabric: Fabric | None
    #: pods get their addresses from the engine, not from their node
    assigns: bool
    #: programs on the network of their node (hostNetwork) are on the machine's own; known once it has begun
    machine: bool
    #: what runs outlives `close` and the end of this process, and is found again by `list` and `pods`
    survives: bool

    @property
    def enforced(self) -> tuple[str, ...]:
        """Limits that the kernel keeps: of cpu, memory, pids."""

    async def begin(self) -> None:
        """Be ready. Raises Unavailable."""

    async def use_ranges(self, networks: Sequence[str]) -> None:
        """Its nodes have these ranges of pod addresses, as the API says: one that `assigns` takes them for a network that it makes.

        Raises Unavailable where pods have no network.
        """

    async def close(self) -> None:
        """End every container at once and leave nothing behind; or, where it `survives`, let everything be."""

    def trouble(self) -> str:
        """Why no pods can be run at present, as the node's Ready condition says it; "" when they can."""

    # --- images ---
    async def image(self, name: str) -> Image | None:
        """The image of that name, digest or id that is there. Raises PullFailed("InvalidImageName") for what is no name."""

    async def pull(self, name: str, credentials: Sequence[Credentials] = (), progress: Progress | None = None) -> Image:
        """Fetch it, also when it is there (then only what changed). Raises PullFailed."""

    async def images(self) -> list[Image]: ...

    async def remove_image(self, id: str) -> None:
        """Nothing happens when it is not there; one in use stays usable by who uses it."""

    # --- pods ---
    async def run_pod(self, pod: PodBox) -> PodAt:
        """Raises StartFailed; then nothing of the pod is left."""

    async def pods(self) -> list[KnownPod]: ...

    async def remove_pod(self, id: str) -> None:
        """End what runs in it at once (each container still gets its Exit), and forget it. Nothing happens when it is not there."""

    # --- containers ---
    async def start(self, pod: PodAt, box: ContainerBox) -> str:
        """Its id, once the program runs. The image must be there. Raises StartFailed."""

    async def stop(self, id: str, grace: float, signal: str = "") -> None:
        """Send the signal ("" the box's, the image's, else SIGTERM), kill after `grace` seconds; returns when it has ended.

        May be called again with less grace. Nothing happens when it has ended already.
        """

    async def signal(self, id: str, signal: str) -> None:
        """Send one signal to its first process. Raises NoSuchContainer."""

    async def update(self, id: str, limits: Limits) -> None:
        """Other limits for a container that runs. Raises NoSuchContainer, StartFailed where they are not taken."""

    async def remove(self, id: str) -> None:
        """Forget a container that ended (its log stays)."""

    def exits(self) -> AsyncIterator[Exit]:
        """Ends of containers as they come, from the first on; one consumer. Ends when the engine is closed."""

    async def list(self) -> list[Known]: ...

    async def stats(self) -> Mapping[str, Usage]:
        """Of running containers by id."""

    def user(self, id: str) -> User | None:
        """Who a container that was started is, None where that is not known."""

    async def reopen_log(self, id: str) -> None:
        """The log file was renamed: go on in a new one of the old name."""

    # --- sessions ---
    async def run(self, id: str, argv: Sequence[str], seconds: float = 0.0) -> tuple[int, bytes]:
        """Run a program beside the container's to its end: its exit code, and the beginning of its output with errors.

        It is killed after `seconds` (0: never). Raises NoSuchContainer, StartFailed, TimeoutError.
        """

    async def exec(self, id: str, argv: Sequence[str], *, tty: bool = False, stdin: bool = False) -> Session:
        """Run a program beside the container's. Raises NoSuchContainer, StartFailed (the program is not there: exit code 127, or 126).

        An engine that learns only later that there is no such program tells it as `Session.wait` does.
        """

    async def attach(self, id: str, *, stdin: bool = False) -> Session:
        """The container's own streams from now on. Raises NoSuchContainer."""
