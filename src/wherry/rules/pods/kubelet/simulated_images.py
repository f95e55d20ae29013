"""What is known of images without having them: who runs as root, who starts nothing by itself, how big the simulated ones are.

Called by the simulation. Only well-known images of Docker Hub are known by name; of others nothing is claimed.
Source of the facts: the Dockerfiles behind https://hub.docker.com/u/library (USER, ENTRYPOINT).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

_SYSTEMS = frozenset({"busybox", "alpine", "debian", "ubuntu", "fedora", "centos", "rockylinux", "almalinux", "amazonlinux"})
_ROOT = _SYSTEMS | {
    "nginx", "httpd", "python", "node", "ruby", "perl", "php", "golang", "rust", "gcc", "openjdk", "eclipse-temurin", "mysql", "mariadb",
    "postgres", "mongo", "redis", "wordpress", "tomcat", "maven", "gradle", "bash", "registry",
}  # fmt: skip


def _official(image: str) -> str:
    """The name of an image of Docker Hub's library, without its tag; "" for all others."""
    name = image.partition("@")[0]
    name = name.removeprefix("docker.io/").removeprefix("library/")
    return "" if "/" in name else name.partition(":")[0]


@lru_cache(maxsize=1024)
def user_of(image: str) -> str | None:
    """The user that the image names, "" for none (root); None when that is not known."""
    return "" if _official(image) in _ROOT else None


@lru_cache(maxsize=1024)
def starts_nothing(image: str) -> bool:
    """It has no entrypoint, so a container's arguments are its command."""
    return _official(image) in _SYSTEMS


@lru_cache(maxsize=1024)
def size_of(image: str) -> int:
    """Bytes: some number between 4 and 200 million that belongs to the name."""
    return 4_000_000 + int.from_bytes(hashlib.sha256(image.encode()).digest()[:4], "big") % 196_000_000
