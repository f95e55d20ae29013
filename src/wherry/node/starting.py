"""A container's start, step by step: its image, its configuration, the container itself, its postStart hook.

Called by the pod worker for what the rules say is to start, and with what the runtime reports of each step. Invariant: whatever goes wrong
leaves the container waiting with the kubelet's reason, an event, and a time for the next try.
Source of the rule: pkg/kubelet/kuberuntime/kuberuntime_container.go startContainer, images/image_manager.go EnsureImageExists.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from wherry.api.objects import namespace
from wherry.node import ending, hooks
from wherry.node.runtime import NOTHING_SAID, HookEnded, ImageFound, Launch, Pulled, PullFailed, Started, StartFailed
from wherry.rules.pods.kubelet import images
from wherry.rules.pods.kubelet.container import Container, Running, Terminated, Waiting
from wherry.rules.pods.kubelet.environment import ConfigProblem, Files, files_of, resolve, sub_path
from wherry.rules.pods.kubelet.references import Found, of_container
from wherry.rules.pods.kubelet.restart import next_pull_wait, should_restart
from wherry.rules.pods.kubelet.security import non_root_problem
from wherry.rules.texts.image_name import fault_of

if TYPE_CHECKING:
    from wherry.node.worker import PodWorker

#: seconds before the next try of what has no back-off of its own
_AGAIN = 10.0
_NOTHING: Found = {}


def begin(worker: PodWorker, container: Container) -> None:
    fault = fault_of(container.image)
    if fault:
        _wait(worker, container, images.INVALID_NAME, images.invalid_name(container.image, fault), event="InspectFailed")
        return
    container.busy = True
    if container.spec.get("imagePullPolicy") == "Always":
        _pull(worker, container)
    else:
        worker.runtime.find_image(worker.node, worker.pod, container, partial(worker.report, container))


# --- the image ---
def found(worker: PodWorker, container: Container, image: ImageFound) -> None:
    if image.id:
        worker.events.container(container, "Normal", "Pulled", images.present(container.image))
        _configure(worker, container, image)
    elif container.spec.get("imagePullPolicy") == "Never":
        _wait(worker, container, images.NEVER_PULL, images.never(container.image), event=images.NEVER_PULL)
    else:
        _pull(worker, container)


def _pull(worker: PodWorker, container: Container) -> None:
    worker.events.container(container, "Normal", "Pulling", images.pulling(container.image))
    worker.runtime.pull(worker.node, worker.pod, container, partial(worker.report, container))
    if container.busy and isinstance(container.state, Waiting):
        worker.changed()  # it takes a while


def pulled(worker: PodWorker, container: Container, change: Pulled) -> None:
    container.pull_back_off = 0.0
    worker.events.container(container, "Normal", "Pulled", images.pulled(container.image, change.seconds, change.size))
    _configure(worker, container, change.image)


def pull_failed(worker: PodWorker, container: Container, change: PullFailed) -> None:
    container.busy = False
    container.pull_back_off = next_pull_wait(container.pull_back_off)
    container.retry_at = worker.host.clock.now() + container.pull_back_off
    # the kubelet shows ErrImagePull until its next look; both in one write, the state that stays
    image = change.image or container.image
    worker.wait(container, Waiting(images.PULL_BACK_OFF, images.back_off_state(image, change.message, change.reason)))
    worker.events.pull_failed(container, image, change.message, change.reason)
    worker.changed()
    worker.sync()


# --- the configuration ---
def _configure(worker: PodWorker, container: Container, image: ImageFound) -> None:
    if worker.ends:
        container.busy = False
        worker.sync()
        return
    problem = non_root_problem(worker.pod, container.spec, image.user)
    if problem:
        _wait(worker, container, images.CONFIG_ERROR, problem)
        return
    spec = container.spec
    config = worker.runtime.config
    refs = of_container(spec) if config != "nothing" else ()
    if refs:
        worker.host.read(namespace(worker.pod), refs, partial(_launch, worker, container))
    elif config == "all" or any("subPathExpr" in mount for mount in spec.get("volumeMounts") or ()):
        _launch(worker, container, _NOTHING)
    else:
        worker.runtime.start(worker.node, worker.pod, container, NOTHING_SAID, partial(worker.report, container))


def _launch(worker: PodWorker, container: Container, read: Found) -> None:
    if worker.closed:
        return
    if worker.ends:
        container.busy = False
        worker.sync()
        return
    services = worker.host.service_variables(worker.pod) if worker.runtime.config == "all" else {}
    try:
        variables = resolve(worker.pod, container.spec, read, worker.host.setting(worker), services, _files(worker, container))
        below = {mount["mountPath"]: sub_path(mount, variables) for mount in container.spec.get("volumeMounts") or ()}
    except ConfigProblem as problem:
        _wait(worker, container, images.CONFIG_ERROR, str(problem))
        return
    worker.runtime.start(worker.node, worker.pod, container, Launch(variables, below), partial(worker.report, container))


def _files(worker: PodWorker, container: Container) -> Files:
    found: dict[tuple[str, str], str | None] = {}
    for at in files_of(container.spec):
        with suppress(LookupError):  # the rule says that there are none
            found[at] = worker.runtime.read_file(worker.pod, *at)
    return found


# --- the container ---
def started(worker: PodWorker, container: Container, change: Started) -> None:
    if isinstance(container.state, Terminated):
        container.last = container.state
    container.restarts += container.last is not None
    container.state = Running(change.at)
    container.ready = container.started = container.noted = False
    container.withheld = not change.ready
    container.id, container.image_id, container.image_name, container.user = change.id, change.image_id, change.image, change.user
    worker.events.started(container)
    handler = (container.spec.get("lifecycle") or {}).get("postStart")
    if handler is None or worker.ends:
        worker.alive(container)
    else:
        container.held = True
        hooks.run(worker, container, "postStart", handler, partial(_hooked, worker, container, change.id))


def _hooked(worker: PodWorker, container: Container, id_: str, ended: HookEnded) -> None:
    if worker.closed or container.id != id_ or not isinstance(container.state, Running):
        return
    if not ended.message:
        worker.alive(container)
        return
    container.held = False
    worker.events.container(container, "Warning", "FailedPostStartHook", "PostStartHook failed")
    ending.stop(worker, container, "FailedPostStartHook")
    worker.changed()


def start_failed(worker: PodWorker, container: Container, change: StartFailed) -> None:
    if change.reason != images.RUN_ERROR:
        _wait(worker, container, change.reason, change.message)
        return
    worker.events.container(container, "Normal", "Created", "Container created")
    worker.events.container(container, "Warning", "Failed", f"Error: {change.message}")
    container.busy = container.noted = False
    if isinstance(container.state, Terminated):
        container.last = container.state
    container.restarts += container.last is not None
    container.id, container.image_id = change.id, change.image_id or container.image_id
    now = worker.host.clock.now()
    container.state = end = Terminated(change.exit_code, "StartError", 0.0, now, change.message, change.id if worker.host.full else "")
    worker.over(container)
    if not worker.ends and container.role != "ephemeral" and should_restart(container.spec, worker.pod["spec"], change.exit_code):
        container.last, container.state = end, Waiting(images.RUN_ERROR, change.message)
        container.retry_at = max(container.retry_at, now + 1.0)
    worker.changed()
    worker.sync()


def _wait(worker: PodWorker, container: Container, reason: str, message: str, *, event: str = "") -> None:
    """It waits with that reason. `event`: of the image's part, where the message is the event's and the reason follows."""
    container.busy = False
    container.retry_at = worker.host.clock.now() + _AGAIN
    worker.wait(container, Waiting(reason, message))
    if event:
        worker.events.container(container, "Warning", event, message)
    worker.events.container(container, "Warning", "Failed", f"Error: {reason if event else message}")
    worker.changed()
    worker.sync()
