"""What a node says about a pod and its containers, as events with the kubelet's reasons and texts.

Used by the pod worker. `routine` false leaves out what goes well (Pulling, Pulled, Created, Started, Killing), as the simulated nodes of
the recordings do, and which would be four writes per pod; warnings are always recorded.
Source of the texts: pkg/kubelet/events, images/image_manager.go, kuberuntime/kuberuntime_container.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj, name, namespace, reference, uid
from wherry.client.recorder import Recorder
from wherry.rules.pods.kubelet import images
from wherry.rules.pods.kubelet.container import Container

_FIELDS = {
    "app": "spec.containers",
    "init": "spec.initContainers",
    "sidecar": "spec.initContainers",
    "ephemeral": "spec.ephemeralContainers",
}


class PodEvents:
    """`who` is the pod as the kubelet names it in messages; `about` its newest version."""

    def __init__(self, recorder: Recorder, pod: Obj, node: str, *, routine: bool) -> None:
        self.about = pod
        self._recorder = recorder
        self._node = node
        self._routine = routine

    @property
    def who(self) -> str:
        return f"{name(self.about)}_{namespace(self.about)}({uid(self.about)})"

    def pod(self, type_: str, reason: str, message: str) -> None:
        self._recorder.event(reference(self.about), type_, reason, message, host=self._node)

    def container(self, container: Container, type_: str, reason: str, message: str) -> None:
        if type_ == "Normal" and not self._routine:
            return
        about = {**reference(self.about), "fieldPath": f"{_FIELDS[container.role]}{{{container.name}}}"}
        self._recorder.event(about, type_, reason, message, host=self._node)

    def pull_failed(self, container: Container, image: str, why: str, reason: str) -> None:
        self.container(container, "Warning", "Failed", images.failed(image, why))
        self.container(container, "Warning", "Failed", f"Error: {reason}")
        self.container(container, "Normal", "BackOff", images.back_off(image))
        self.container(container, "Warning", "Failed", f"Error: {images.PULL_BACK_OFF}")

    def started(self, container: Container) -> None:
        self.container(container, "Normal", "Created", "Container created")
        self.container(container, "Normal", "Started", "Container started")
