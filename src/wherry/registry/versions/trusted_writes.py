"""What the registry takes on trust from components of ours, checked in test mode.

A trusted write skips decoding and defaulting; that is only right when they would change nothing. Called by `bodies` and `creates` when
the cluster runs in test mode. A component that breaks its promise gets an AssertionError that names the path.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from wherry.api.differences import first_difference
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.rules.schema import decode

_DRAWN = re.compile(rb"kube-api-access-[a-z0-9]{5}")


def copy(obj: Obj) -> Obj:
    """A private copy, as it would come over the wire."""
    made: Obj = msgspec.json.decode(msgspec.json.encode(obj))
    return made


def decoded(core: Core, resource: Resource, obj: Obj) -> Obj:
    """What decoding makes of a copy of the object. Raises AssertionError when it would be refused."""
    try:
        return decode.decode(resource, decode.Parsed(copy(obj)), "Strict").obj
    except StatusError as error:
        raise _found(core, f"a trusted {obj.get('kind')} would be refused: {error.message}") from error


def must_equal(core: Core, obj: Obj, slow: Obj, manager: str, *, without: tuple[str, ...] = ()) -> None:
    """Raises AssertionError unless the trusted `obj` is what the long way (`slow`) made of it.

    A status that is left out is no difference: writes of the whole object do not touch it.
    """
    left = {k: v for k, v in slow.items() if k != "status" or k in obj}
    found = first_difference(_plain(left, without), _plain(obj, without))
    if found is None:
        return
    path, expected, given = found
    name = "/".join(x for x in (obj["metadata"].get("namespace"), obj["metadata"].get("name")) if x)
    raise _found(core, f"trusted {obj.get('kind')} {name} of {manager}: {path} is {given!r}, decoding and defaulting give {expected!r}")


def must_own(core: Core, obj: Obj, fields: Obj, slow: Obj) -> None:
    """Raises AssertionError unless the `fields` its maker is said to own are those that tracking found."""
    tracked = slow["metadata"]["managedFields"][0]["fieldsV1"]
    if (found := first_difference(tracked, fields)) is not None:
        path, expected, given = found
        raise _found(core, f"owned fields of a trusted {obj['kind']}: {path} is {given!r}, tracking gives {expected!r}")


def _found(core: Core, what: str) -> AssertionError:
    """Kept as well as raised: a controller takes every error for a reason to try again."""
    error = AssertionError(what)
    core.findings.append(error)
    return error


def _plain(obj: Obj, without: tuple[str, ...]) -> Any:
    meta = {k: v for k, v in obj["metadata"].items() if k not in without}
    # the volume of the account's token has a name that is drawn, and that pods of one make share
    return msgspec.json.decode(_DRAWN.sub(b"kube-api-access-", msgspec.json.encode({**obj, "metadata": meta})))
