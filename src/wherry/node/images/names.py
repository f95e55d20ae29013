"""Names of images as the store and registries have them: `nginx` is `docker.io/library/nginx:latest`. Pure; the grammar is a rule."""

from __future__ import annotations

import re
from typing import NamedTuple

from wherry.node.engine import PullFailed
from wherry.rules.texts.image_name import fault_of, parts_of


class Name(NamedTuple):
    """`repository` with its registry: docker.io/library/nginx. `tag` "" when only a digest was given."""

    domain: str
    path: str
    tag: str
    digest: str

    @property
    def repository(self) -> str:
        return f"{self.domain}/{self.path}"

    @property
    def reference(self) -> str:
        """What a registry is asked for."""
        return self.digest or self.tag

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Name:
    """Raises PullFailed("InvalidImageName") with the texts of the kubelet."""
    fault = fault_of(text)
    if not fault and "@" in text and "@sha256:" not in text:
        fault = "unsupported digest algorithm"  # nothing is kept by another
    if fault:
        raise PullFailed("InvalidImageName", f'couldn\'t parse image name "{text}": {fault}')
    return Name(*parts_of(text))


def is_id(text: str) -> bool:
    """An image's own digest, or the beginning of it."""
    return re.fullmatch(r"(sha256:)?[a-f0-9]{12,64}", text) is not None
