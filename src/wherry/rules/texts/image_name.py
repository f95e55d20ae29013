"""Image names: the tag that a name says or means.

Called by the defaults of containers and image volumes (imagePullPolicy), and by the node, which refuses what is no name. Turns a name into
its tag: `latest` where neither tag nor digest is said, "" where only a digest is, or where the name is not one at all. Invariant: equal
names give equal tags.
Source of the rule: github.com/distribution/reference (its grammar and the short form of Docker Hub names), pkg/util/parsers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?P<name>{_HOST}/{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?"
    r"(?:@(?P<algorithm>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):(?P<hex>[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_MAX_NAME = 255


@lru_cache(maxsize=4096)
def tag_of(image: str) -> str:
    if _IDENTIFIER.fullmatch(image):
        return ""
    host, path = _split_host(image)
    repository = path.partition(":")[0]
    if repository != repository.lower():
        return ""
    match = _NAME.fullmatch(f"{host}/{path}")
    if match is None or len(match["name"]) > _MAX_NAME:
        return ""
    if match["algorithm"]:
        digits = match["hex"]
        if len(digits) != _DIGEST_LENGTHS.get(match["algorithm"]) or digits != digits.lower():
            return ""
        return match["tag"] or ""
    return match["tag"] or "latest"


@lru_cache(maxsize=4096)
def fault_of(image: str) -> str:
    """Why it is no image name, in the reference's words; "" when it is one."""
    if _IDENTIFIER.fullmatch(image):
        return f"invalid repository name ({image}), cannot specify 64-byte hexadecimal strings"
    host, path = _split_host(image)
    repository = path.partition(":")[0]
    if repository != repository.lower():
        return f"invalid reference format: repository name ({repository}) must be lowercase"
    match = _NAME.fullmatch(f"{host}/{path}")
    if match is None:
        return "invalid reference format"
    if len(match["name"]) > _MAX_NAME:
        return f"repository name must not be more than {_MAX_NAME} characters"
    return _digest_fault(match["algorithm"], match["hex"] or "") if match["algorithm"] else ""


class ImageName(NamedTuple):
    """`repository` without its registry; `tag` "" where only a digest is said."""

    registry: str
    repository: str
    tag: str
    digest: str


def parts_of(image: str) -> ImageName:
    """Of a name without fault (`fault_of`)."""
    host, path = _split_host(image)
    match = _NAME.fullmatch(f"{host}/{path}")
    assert match is not None, image
    digest = f"{match['algorithm']}:{match['hex']}" if match["algorithm"] else ""
    return ImageName(host, match["name"].removeprefix(f"{host}/"), tag_of(image), digest)


def _digest_fault(algorithm: str, digits: str) -> str:
    length = _DIGEST_LENGTHS.get(algorithm)
    if length is None:
        return "unsupported digest algorithm"
    if len(digits) != length:
        return "invalid checksum digest length"
    return "" if digits == digits.lower() else "invalid checksum digest format"


def _split_host(image: str) -> tuple[str, str]:
    """Registry and path; a name without a registry is Docker Hub's, and one without a folder is in its `library`."""
    first, slash, rest = image.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        host, path = "docker.io", image
    else:
        host, path = first, rest
    if host in ("docker.io", "index.docker.io"):
        return "docker.io", path if "/" in path else f"library/{path}"
    return host, path
