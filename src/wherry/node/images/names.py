"""Names of images: `nginx` is `docker.io/library/nginx:latest`. Pure.

Source: https://github.com/distribution/reference (the grammar), https://kubernetes.io/docs/concepts/containers/images/#image-names.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wherry.node.engine import PullFailed

_DEFAULT_DOMAIN, _DEFAULT_FOLDER, _DEFAULT_TAG = "docker.io", "library/", "latest"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}")


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
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _invalid(text, "invalid reference format")
    rest, tag = _split_tag(rest)
    domain, path = _split_domain(rest)
    if path != path.lower():
        raise _invalid(text, "invalid reference format: repository name (" + path + ") must be lowercase")
    good = _PATH.fullmatch(path) and _DOMAIN.fullmatch(domain) and (tag is None or _TAG.fullmatch(tag))
    if not good or len(path) > 255:
        raise _invalid(text, "invalid reference format")
    return Name(domain, path, tag if tag is not None else "" if digest else _DEFAULT_TAG, digest)


def is_id(text: str) -> bool:
    """An image's own digest, or the beginning of it."""
    return re.fullmatch(r"(sha256:)?[a-f0-9]{12,64}", text) is not None


def _split_tag(text: str) -> tuple[str, str | None]:
    before, colon, after = text.rpartition(":")
    return (before, after) if colon and "/" not in after else (text, None)


def _split_domain(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first or first != first.lower()):
        domain, path = first, rest
    else:
        domain, path = _DEFAULT_DOMAIN, text
    if domain == "index.docker.io":
        domain = _DEFAULT_DOMAIN
    return domain, _DEFAULT_FOLDER + path if domain == _DEFAULT_DOMAIN and "/" not in path else path


def _invalid(text: str, why: str) -> PullFailed:
    return PullFailed("InvalidImageName", f'couldn\'t parse image name "{text}": {why}')
