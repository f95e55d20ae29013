"""Continue tokens: where a paged list goes on, and at which revision (k8s.io/apiserver/pkg/storage/continue.go)."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import msgspec

from wherry.api.errors import BadRequest


class Continue(NamedTuple):
    """`revision` -1: go on at the newest state (an inconsistent list, asked for by name)."""

    revision: int
    start: str


def encode(start: str, revision: int) -> str:
    """`start`: the last key given, relative to the list's prefix."""
    body = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": revision, "start": start + "\0"})
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def decode(token: str) -> Continue:
    """Raises BadRequest for what is no token."""
    try:
        body = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"invalid continue token: continue key is not valid: {error}") from error
    try:
        value = msgspec.json.decode(body)
        version, revision, start = value["v"], value["rv"], value["start"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        text = body[:1].decode("latin-1")
        raise BadRequest(
            f"invalid continue token: continue key is not valid: invalid character {text!r} looking for beginning of value"
        ) from error
    if version != "meta.k8s.io/v1" or not isinstance(revision, int) or revision == 0:
        raise BadRequest(
            "invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)"
        )
    if not isinstance(start, str) or not start or ".." in start.split("/"):
        raise BadRequest("invalid continue token: continue key is not valid: encoded start key is empty")
    return Continue(revision, start.removesuffix("\0"))
