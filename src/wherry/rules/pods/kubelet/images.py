"""Images: which do not exist on simulated nodes, and what pulling says.

Called by the simulated runtime and by the node agent for its events and waiting states.
Source of the texts: pkg/kubelet/images/image_manager.go; https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

PULL_ERROR = "ErrImagePull"
PULL_BACK_OFF = "ImagePullBackOff"
NEVER_PULL = "ErrImageNeverPull"
INVALID_NAME = "InvalidImageName"
#: reasons of a container that waits for something else than its image
CONFIG_ERROR = "CreateContainerConfigError"
RUN_ERROR = "RunContainerError"

#: globs of images that no simulated registry has; the last is the slip of the pen in Kubernetes's page on Deployments
MISSING = ("*:999.*", "*:404", "*does-not-exist*", "*doesnotexist*", "*non-existent*", "nginx:1.161")


def with_tag(image: str) -> str:
    """The image with the tag that a name without tag and digest means."""
    last = image.rpartition("/")[2]
    return image if ":" in last or "@" in image else f"{image}:latest"


def is_missing(image: str, globs: Sequence[str] = MISSING) -> bool:
    named = with_tag(image)
    return any(fnmatchcase(named, glob) for glob in globs)


def pulling(image: str) -> str:
    return f'Pulling image "{image}"'


def pulled(image: str, seconds: float, size: int) -> str:
    took = _duration(seconds)
    return f'Successfully pulled image "{image}" in {took} ({took} including waiting). Image size: {size} bytes.'


def present(image: str) -> str:
    return f'Container image "{image}" already present on machine and can be accessed by the pod'


def failed(image: str, why: str) -> str:
    return f'Failed to pull image "{image}": {why}'


def back_off(image: str) -> str:
    return f'Back-off pulling image "{image}"'


def back_off_state(image: str, why: str, reason: str = PULL_ERROR) -> str:
    """The message of the waiting state; the event has only the first part."""
    return f"{back_off(image)}: {reason}: {why}"


def invalid_name(image: str, why: str) -> str:
    return f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {why}'


def never(image: str) -> str:
    return f'Container image "{image}" is not present with pull policy of Never'


def _duration(seconds: float) -> str:
    """Milliseconds as Go prints a duration: `0s`, `120ms`, `1.5s`."""
    milliseconds = int(seconds * 1000)
    if milliseconds == 0:
        return "0s"
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{minutes}m{text}" if minutes else text
