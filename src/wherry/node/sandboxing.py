"""The first step of a pod on its node: its volumes and its sandbox, tried until they are there.

Called by the pod worker. First the claims, then what ConfigMaps and Secrets give, then the runtime's part. Invariant: no container starts
before this is done; what is in the way is told as an event, each time with the kubelet's words.
Source of the rule: pkg/kubelet/kubelet.go SyncPod, volumemanager; kuberuntime_manager.go createPodSandbox.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wherry.api.objects import namespace
from wherry.node.runtime import PodChange, SandboxReady
from wherry.rules.pods.kubelet import volumes
from wherry.rules.pods.kubelet.references import Found, of_volumes

if TYPE_CHECKING:
    from wherry.node.worker import PodWorker

#: seconds before the next try of what has no back-off of its own
_AGAIN = 10.0
_NOTHING: Found = {}


def step(worker: PodWorker) -> None:
    if worker.sandbox == "busy":
        return
    spec = worker.pod["spec"]
    if spec.get("volumes"):
        problem = worker.host.claims_problem(worker.pod)
        if problem is None:
            return  # it is called again with the answer
        if problem:
            worker.events.pod("Warning", "FailedMount", problem)
            _again(worker, _AGAIN)
            return
    worker.sandbox = "busy"
    config = worker.runtime.config
    refs = of_volumes(spec, credentials=config == "all") if config != "nothing" else ()
    if refs:
        worker.host.read(namespace(worker.pod), refs, partial(_read, worker))
    else:
        _read(worker, _NOTHING)


def _read(worker: PodWorker, found: Found) -> None:
    if worker.closed or worker.ends:
        worker.sandbox = "none"
        return
    wrong = volumes.problems(worker.pod, found) if found else []
    for volume, why in wrong:
        worker.events.pod("Warning", "FailedMount", volumes.failed(volume, why))
    if wrong:
        _mount_again(worker)
    else:
        worker.runtime.prepare(worker.node, worker.pod, found, partial(_prepared, worker))


def _prepared(worker: PodWorker, change: PodChange) -> None:
    if worker.closed:
        return
    if isinstance(change, SandboxReady):
        worker.sandbox = "ready"
        worker.volume_wait = 0.0
        address = worker.place.host_ip if worker.pod["spec"].get("hostNetwork") else next(iter(change.addresses), "")
        worker.place = worker.place._replace(pod_ip=address, more_ips=change.addresses[1:], sandbox=True)
        worker.sync()
    elif change.volume:
        worker.events.pod("Warning", "FailedMount", volumes.failed(change.volume, change.message))
        _mount_again(worker)
    else:
        worker.events.pod("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {change.message}")
        _again(worker, _AGAIN)


def _mount_again(worker: PodWorker) -> None:
    worker.volume_wait = volumes.next_wait(worker.volume_wait)
    _again(worker, worker.volume_wait)


def _again(worker: PodWorker, seconds: float) -> None:
    worker.sandbox = "none"
    worker.place = worker.place._replace(sandbox=False)
    worker.set_timer(worker.host.clock.now() + seconds)
    worker.changed()
