"""The images of a container runtime: looked up, pulled with credentials, listed and removed; what it says of failures sorted by reasons.

Used by the engine. Source of the rules: pkg/kubelet/kuberuntime/kuberuntime_image.go, pkg/kubelet/images/image_manager.go (evalCRIPullErr),
pkg/kubelet/cri/remote/remote_image.go (the code is left out where it is Unknown).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Literal

from wherry.node.cri.calls import CallFailed, Calls
from wherry.node.engine import Credentials, Image, ImageConfig, PullFailed, Unavailable
from wherry.node.images.credentials import matching
from wherry.node.images.names import is_id, parse

log = logging.getLogger(__name__)


class Images:
    """`sandbox`: the image of the process that holds a pod together."""

    def __init__(self, calls: Calls, sandbox: str = "") -> None:
        self._calls, self.sandbox = calls, sandbox

    async def find(self, name: str) -> Image | None:
        """Raises PullFailed for what is no name, Unavailable."""
        if not is_id(name):
            parse(name)
        try:
            told = await self._calls("ImageStatus", {"image": {"image": name}})
        except CallFailed as failed:
            raise PullFailed("ErrImagePull", _text(failed)) from failed
        return _image(told.image) if told.HasField("image") and told.image.id else None

    async def pull(self, name: str, credentials: Sequence[Credentials]) -> Image:
        """With each fitting name and password in turn, or without. Raises PullFailed, Unavailable."""
        parsed = parse(name)
        fitting: list[Credentials | None] = [*matching(parsed, credentials)]
        failure: CallFailed | None = None
        for each in fitting or [None]:
            request: dict[str, Any] = {"image": {"image": name}}
            if each is not None:
                request["auth"] = {"username": each.username, "password": each.password, "identity_token": each.token}
            try:
                told = await self._calls("PullImage", request, seconds=None)
            except CallFailed as failed:
                failure = failed
                continue
            except Unavailable as down:
                raise PullFailed("ErrImagePull", str(down)) from down
            return await self._pulled(told.image_ref, name)
        assert failure is not None
        raise PullFailed(_kind(failure), _text(failure)) from failure

    async def _pulled(self, reference: str, name: str) -> Image:
        found = await self.find(reference) or await self.find(name)
        if found is None:
            raise PullFailed("ErrImagePull", f'image "{name}" was pulled and is not there')
        return found

    async def all(self) -> list[Image]:
        """Raises Unavailable."""
        return [_image(each) for each in await self._list()]

    async def remove(self, id: str) -> None:
        """One that is pinned, holds pods together, or is used by anybody's container stays. Raises Unavailable."""
        try:
            kept = {each.id for each in await self._list() if each.pinned or self.sandbox in each.repo_tags}
            kept.update(each.image_ref for each in (await self._calls("ListContainers")).containers)
            if id in kept:
                log.info("image %s stays: it is in use at the container runtime", id)
                return
            await self._calls("RemoveImage", {"image": {"image": id}})
        except CallFailed as failed:
            raise Unavailable(f"image {id} is not removed: {failed}") from failed

    async def _list(self) -> list[Any]:
        try:
            return list((await self._calls("ListImages")).images)
        except CallFailed as failed:
            raise Unavailable(f"the container runtime does not list its images: {failed}") from failed


def _image(told: Any) -> Image:
    user = str(told.uid.value) if told.HasField("uid") else told.username
    return Image(told.id, tuple(told.repo_tags), tuple(told.repo_digests), told.size, ImageConfig(user=user))


def _kind(failed: CallFailed) -> Literal["InvalidImageName", "RegistryUnavailable", "ErrImagePull"]:
    if failed.text.startswith("RegistryUnavailable"):
        return "RegistryUnavailable"
    return "InvalidImageName" if "invalid reference format" in failed.text else "ErrImagePull"


def _text(failed: CallFailed) -> str:
    return failed.text if failed.code == "Unknown" else str(failed)
