"""The resources of a running pod, changed in place: asked of the node, told, and carried out container by container.

Called by the pod worker when the pod's spec changes, and by the agent when its node has more room. Invariant: a container's spec, as the
worker keeps it, has the resources that were given to it; what is asked for and not given is in the pod alone.
Source of the rule: pkg/kubelet/allocation/allocation_manager.go, kuberuntime_manager.go doPodResizeAction; KEP-1287.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wherry.api.objects import Obj
from wherry.node import ending
from wherry.rules.pods.kubelet import resize
from wherry.rules.pods.kubelet.container import Container, Running
from wherry.rules.pods.kubelet.resize import Resizing

if TYPE_CHECKING:
    from wherry.node.worker import PodWorker

#: seconds before a change that failed is tried again
_AGAIN = 10.0


def consider(worker: PodWorker) -> None:
    """Nothing happens when all have what they are to have, or a change is on its way."""
    if worker.closed or worker.ends or (worker.resizing is not None and worker.resizing.generation and not worker.resizing.error):
        return
    wanted = resize.wanted(worker.pod["spec"])
    found = [each for each in worker.containers if each.name in wanted and _given(each) != wanted[each.name]]
    if not found:
        if worker.resizing is not None:
            _note(worker, None)
            worker.changed()
        return
    refusal = worker.host.resize_refusal(worker)
    generation = worker.pod["metadata"].get("generation") or 0
    if refusal is not None:
        if worker.resizing is None or worker.resizing.refusal != refusal:
            _note(worker, Resizing(refusal))
            reason = "ResizeInfeasible" if refusal.reason == resize.INFEASIBLE else "ResizeDeferred"
            worker.events.pod("Warning", reason, resize.told(f"Pod resize {refusal.reason}", worker.pod, generation, refusal.message))
            worker.changed()
        return
    if worker.resizing is None or not worker.resizing.error:
        worker.events.pod("Normal", "ResizeStarted", resize.told("Pod resize started", worker.pod, generation))
    _note(worker, Resizing(None, generation))
    worker.changed()
    _change(worker, found, wanted)


def _note(worker: PodWorker, resizing: Resizing | None) -> None:
    worker.resizing = resizing
    worker.host.resizing_changed(worker)


def _given(container: Container) -> Obj:
    return container.spec.get("resources") or {}


def _change(worker: PodWorker, containers: list[Container], wanted: dict[str, Obj]) -> None:
    waits = {each.name for each in containers}
    errors: list[str] = []

    def done(container: Container, error: str) -> None:
        waits.discard(container.name)
        if error:
            errors.append(error)
        else:
            container.spec = {**container.spec, "resources": wanted[container.name]}
        if not waits and not worker.closed:
            _over(worker, errors)

    for container in containers:
        new = {**container.spec, "resources": wanted[container.name]}
        if not isinstance(container.state, Running) or container.ending:
            done(container, "")
        elif resize.restarts(new, _given(container)):
            ending.stop(worker, container, f"Container {container.name} resize requires restart")
            done(container, "")
        else:
            worker.runtime.resize(worker.pod, container, wanted[container.name], partial(done, container))


def _over(worker: PodWorker, errors: list[str]) -> None:
    generation = worker.resizing.generation if worker.resizing is not None else 0
    if errors:
        text = ", ".join(errors)
        if worker.resizing is None or worker.resizing.error != text:
            worker.events.pod("Warning", "ResizeError", resize.told("Pod resize error", worker.pod, generation, text))
        _note(worker, Resizing(None, generation, text))
        worker.later(worker.host.clock.now() + _AGAIN, partial(consider, worker))
    else:
        _note(worker, None)
        worker.events.pod("Normal", "ResizeCompleted", resize.told("Pod resize completed", worker.pod, generation))
    worker.changed()
    consider(worker)  # the spec may have changed meanwhile
