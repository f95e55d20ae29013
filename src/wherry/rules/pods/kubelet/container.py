"""A container as the node agent knows it: its state, what came before, and when to try again.

The agent keeps one `Container` per container of a pod (its private draft); the rules of this package read it. States are frozen values.
Source of the shape: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

from wherry.api.objects import Obj

Role = Literal["init", "sidecar", "app", "ephemeral"]


class Waiting(NamedTuple):
    reason: str
    message: str = ""


class Running(NamedTuple):
    started_at: float


class Terminated(NamedTuple):
    """`reason`: Completed, Error, OOMKilled, ContainerStatusUnknown, ..."""

    exit_code: int
    reason: str
    started_at: float
    finished_at: float
    message: str = ""
    container_id: str = ""
    signal: int = 0


class User(NamedTuple):
    """Who a container's first process is. `groups`: all that it is in, its own among them."""

    uid: int
    gid: int
    groups: tuple[int, ...]


State = Waiting | Running | Terminated

CREATING = Waiting("ContainerCreating")
INITIALIZING = Waiting("PodInitializing")


@dataclass(slots=True)
class Container:
    """`busy`: the runtime is pulling for it, starting or stopping it. `retry_at`: not before that (back-off).

    `held`: something holds up its start (a postStart hook that runs), and with it the start of those after it. `noted`: its back-off was
    seen and told. `ending`: it was told to end. `withheld`: its runtime says that it is not ready, whatever its probes find.
    """

    spec: Obj
    role: Role
    state: State
    last: Terminated | None = None
    restarts: int = 0
    ready: bool = False
    started: bool = False
    id: str = ""
    image_id: str = ""
    image_name: str = ""
    busy: bool = False
    retry_at: float = 0.0
    crash_back_off: float = 0.0
    crash_noted_at: float = 0.0
    pull_back_off: float = 0.0
    held: bool = False
    noted: bool = False
    ending: bool = False
    withheld: bool = False
    user: User | None = None

    @property
    def name(self) -> str:
        return self.spec["name"]  # type: ignore[no-any-return]

    @property
    def starting(self) -> bool:
        """The runtime pulls for it or starts it."""
        return self.busy and not self.ending and not isinstance(self.state, Running)

    @property
    def image(self) -> str:
        return self.spec.get("image", "")  # type: ignore[no-any-return]


def of_pod(pod: Obj) -> list[Container]:
    """The pod's containers before anything happened: init containers and sidecars first, ephemeral ones last, each in order."""
    spec = pod["spec"]
    first = spec.get("initContainers") or ()
    waiting = INITIALIZING if first else CREATING
    found = [Container(c, "sidecar" if c.get("restartPolicy") == "Always" else "init", waiting) for c in first]
    found += [Container(c, "app", waiting) for c in spec["containers"]]
    return found + new_ephemeral(pod, ()) if "ephemeralContainers" in spec else found


def new_ephemeral(pod: Obj, known: Collection[str]) -> list[Container]:
    """The ephemeral containers whose names are not known yet."""
    listed = pod["spec"].get("ephemeralContainers") or ()
    return [Container(c, "ephemeral", CREATING) for c in listed if c["name"] not in known]
