"""What the registry takes and gives: bodies, pages, watch events, outcomes of writes."""

from __future__ import annotations

from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.store.protocol import Record


class RawBody(NamedTuple):
    """A request body as it came: bytes and media type (`application/json`, `application/yaml`, ...)."""

    content: bytes
    content_type: str


#: a body from HTTP, or an object at hand (from this process)
Body = RawBody | Obj


class Page(NamedTuple):
    """A part of a list, in key order."""

    records: list[Record]
    revision: int
    continue_token: str = ""
    remaining: int | None = None


class WatchEvent(NamedTuple):
    """type: ADDED, MODIFIED, DELETED, or BOOKMARK (then `record` is None and `initial_end` tells the end of the initial events)."""

    type: str
    record: Record | None
    revision: int
    initial_end: bool = False


class Written(NamedTuple):
    """A create, update or patch that took place (or would, on dry run); `warnings` go into `Warning` headers."""

    record: Record
    created: bool = False
    warnings: tuple[str, ...] = ()


class Deleted(NamedTuple):
    """`gone`: the object is no more (the reference then answers a Status of success, or the object for a few kinds); else it waits."""

    record: Record
    gone: bool
    warnings: tuple[str, ...] = ()
