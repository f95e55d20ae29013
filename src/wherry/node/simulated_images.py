"""The images of simulated nodes: which are on a node, which no registry has.

Part of the simulated runtime. An image is on a node once a pod there pulled it, or it was loaded; every image can be pulled but those that
are missing (globs, faults, the pod's annotation).
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api.objects import Obj
from wherry.faults.pods import PodFaults
from wherry.node.runtime import ImageFound, Pulled, PullFailed, Report
from wherry.rules.pods.kubelet import images
from wherry.rules.pods.kubelet.container import Container
from wherry.rules.pods.kubelet.simulated_images import size_of, user_of


class SimulatedImages:
    faults: PodFaults

    def __init__(self, missing: Sequence[str], *, whole_pods: bool) -> None:
        self._missing = tuple(missing)
        self._whole_pods = whole_pods
        self._images: dict[str, set[str]] = {}
        self._loaded: dict[str, set[str]] = {}

    def load(self, node: str, image: str) -> None:
        """The image is on the node from now on, whatever the registry has (`kind load docker-image`)."""
        self.note_image(node, image)
        self._loaded.setdefault(node, set()).add(images.with_tag(image))

    def note_image(self, node: str, image: str) -> None:
        """It runs there, so it is there."""
        self._images.setdefault(node, set()).add(images.with_tag(image))

    def _found(self, node: str, image: str, missing: str | None, report: Report) -> None:
        there = missing is None and images.with_tag(image) in self._images.get(node, ())
        report(ImageFound(image, user_of(image)) if there else ImageFound(""))

    def _pulled(self, node: str, image: str, missing: str | None, seconds: float, report: Report) -> None:
        if missing is not None:
            why = f"rpc error: code = NotFound desc = simulated registry: {images.with_tag(missing)}: not found"
            report(PullFailed(why, missing))
        else:
            self.note_image(node, image)
            report(Pulled(ImageFound(image, user_of(image)), seconds, size_of(image)))

    def _missing_image(self, pod: Obj, container: Container, *, missing: bool) -> str | None:
        if missing or self._is_missing(container.image, pod):
            return container.image
        others = pod["spec"]["containers"] if self._whole_pods and container.role == "app" else ()
        return next((c["image"] for c in others if self._is_missing(c.get("image", ""), pod)), None)

    def _is_missing(self, image: str, pod: Obj) -> bool:
        node = pod["spec"].get("nodeName", "")
        if self._loaded and images.with_tag(image) in self._loaded.get(node, ()):
            return False
        return images.is_missing(image, self._missing) or self.faults.missing(image, node)
