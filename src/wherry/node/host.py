"""What a pod's worker needs of the agent that keeps it. Implemented by the agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from wherry.api.objects import Obj
from wherry.kit.clock import Clock
from wherry.node.runtime import Runtime
from wherry.rules.pods.kubelet.field_values import Setting
from wherry.rules.pods.kubelet.references import Found, Ref
from wherry.rules.pods.kubelet.resize import Refusal

if TYPE_CHECKING:
    from wherry.node.worker import PodWorker


class Host(Protocol):
    """What a worker needs of the agent that keeps it."""

    clock: Clock
    full: bool
    drain: Callable[[Obj, Callable[[], None]], None]

    def runtime_of(self, node: str) -> Runtime: ...

    def status_changed(self, worker: PodWorker) -> None: ...

    def read(self, namespace: str, refs: tuple[Ref, ...], then: Callable[[Found], None]) -> None:
        """Look these objects up and call `then` with what there is."""
        ...

    def claims_problem(self, pod: Obj) -> str | None:
        """Why it cannot have what it claims yet; "" when it can, None while that is asked.

        `PodWorker.look_again` is called when that changes.
        """
        ...

    def setting(self, worker: PodWorker) -> Setting: ...

    def resizing_changed(self, worker: PodWorker) -> None:
        """What `worker.resizing` says is new: its node asks again of those that wait whenever it has more room."""
        ...

    def resize_refusal(self, worker: PodWorker) -> Refusal | None:
        """Why its node does not give the pod what its spec asks for now."""
        ...

    def service_variables(self, pod: Obj) -> dict[str, str]: ...
