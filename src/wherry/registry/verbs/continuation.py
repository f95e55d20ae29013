"""Continue tokens: where a paged list goes on, and at which revision (k8s.io/apiserver/pkg/storage/continue.go)."""

from __future__ import annotations

import base64
import json
import posixpath
import re
from typing import Any, NamedTuple

import msgspec

from wherry.api.errors import BadRequest
from wherry.rules.texts.json_fault import fault

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9_\-\r\n]")


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
    value = _fields(_bytes(token))
    version, revision, start = value["v"], value["rv"], value["start"]
    if version != "meta.k8s.io/v1":
        raise _wrong(f": server does not recognize this encoded version {version}")
    if not revision:
        raise _wrong(": incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not start:
        raise _wrong(": encoded start key empty (version meta.k8s.io/v1)")
    key = start if start.startswith("/") else "/" + start
    if posixpath.normpath(key) != key:
        raise _wrong(f": {start}")
    return Continue(revision, start.removesuffix("\0"))


def _wrong(why: str) -> BadRequest:
    return BadRequest(f"invalid continue token: continue key is not valid{why}")


def _bytes(token: str) -> bytes:
    """The token's bytes: base64 for URLs without padding, line ends skipped."""
    bad = _NOT_BASE64.search(token)
    plain = token.replace("\r", "").replace("\n", "")
    if bad is not None or len(plain) % 4 == 1:
        at = len(token[: bad.start()].encode()) if bad is not None else len(token) - 1
        raise _wrong(f": illegal base64 data at input byte {at}")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_")


def _fields(body: bytes) -> dict[str, Any]:
    if why := fault(body):
        raise _wrong(f": {why}")
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise _wrong(": exceeded max depth") from error
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise _wrong(f": json: cannot unmarshal {_go_type(value)} into Go value of type storage.continueToken")
    found: dict[str, Any] = {}
    for name, type_, go in (("v", str, "string"), ("rv", int, "int64"), ("start", str, "string")):
        given = value.get(name)
        if given is None:
            given = type_()
        if isinstance(given, bool) or not isinstance(given, type_):
            raise _wrong(f": json: cannot unmarshal {_go_type(given)} into Go struct field continueToken.{name} of type {go}")
        found[name] = given
    return found


def _go_type(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, float):
        return f"number {json.dumps(value)}"
    kinds: tuple[tuple[type, str], ...] = ((str, "string"), (int, "number"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")
