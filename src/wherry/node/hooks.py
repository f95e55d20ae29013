"""Lifecycle hooks of a container: `sleep` by the clock, all others by the runtime.

Called by `starting` and `ending`. Source of the rule: pkg/kubelet/lifecycle/handlers.go;
https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.api.objects import Obj
from wherry.node.runtime import HookEnded, HookReport
from wherry.rules.pods.kubelet.container import Container

if TYPE_CHECKING:
    from wherry.node.worker import PodWorker


def run(worker: PodWorker, container: Container, name: str, handler: Obj, done: HookReport) -> None:
    """`name`: postStart or preStop."""
    if "sleep" in handler:
        worker.host.clock.call_later(float(handler["sleep"].get("seconds") or 0), done, HookEnded())
    else:
        worker.runtime.hook(worker.pod, container, name, handler, done)
