"""Package data behind `api.schema`: raw definitions and presence facts, decoded one at a time.

Called by `api.schema` and by the server's OpenAPI documents. Invariant: the files are read once; a definition's JSON is kept as
bytes and decoded only when asked for, so that an idle cluster does not hold hundreds of unused schemas.
Source: `definitions.json` (written by scripts/schemas from the release's OpenAPI), `enums.json` (by scripts/enums), `presence.json`,
`protobuf.json` and `registered.json` beside this file.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from wherry.api import legacy_schema

#: the release that definitions.json is of
VERSION = "v1.36.0"


class _Header(msgspec.Struct):
    gvks: list[dict[str, str]] = msgspec.field(name="x-kubernetes-group-version-kind", default_factory=list)


@lru_cache(maxsize=1)
def _definitions() -> dict[str, msgspec.Raw]:
    content = Path(__file__).with_name("definitions.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, msgspec.Raw])


@lru_cache(maxsize=1)
def _presence() -> dict[str, msgspec.Raw]:
    content = Path(__file__).with_name("presence.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, msgspec.Raw])


def names() -> list[str]:
    """The names of all definitions."""
    return list(_definitions())


def has(name: str) -> bool:
    return name in _definitions() or legacy_schema.own(name) is not None or legacy_schema.base_of(name) in _definitions()


def raw(name: str) -> bytes:
    """A definition's JSON. KeyError when there is none."""
    known = _definitions().get(name)
    return bytes(known) if known is not None else msgspec.json.encode(definition(name))


def definition(name: str) -> dict[str, Any]:
    """A definition, decoded anew: the caller may change it. KeyError when there is none."""
    known = _definitions().get(name)
    if known is not None:
        return msgspec.json.decode(known)  # type: ignore[no-any-return]
    if (own := legacy_schema.own(name)) is not None:
        return own
    if base := legacy_schema.base_of(name):
        return legacy_schema.changed(name, msgspec.json.decode(_definitions()[base]))
    raise KeyError(name)


def presence(name: str) -> dict[str, str]:
    """Facts of the Go struct behind a definition: field -> `flags[:go type]` (see `schema._field`)."""
    content = _presence().get(legacy_schema.base_of(name) or name)
    return msgspec.json.decode(content, type=dict[str, str]) if content is not None else {}


@lru_cache(maxsize=1)
def _enums() -> dict[str, dict[str, dict[str, Any]]]:
    content = Path(__file__).with_name("enums.json").read_bytes()
    return msgspec.json.decode(content)  # type: ignore[no-any-return]


def enums(name: str) -> dict[str, dict[str, Any]]:
    """Fields of a definition with a fixed set of values: field -> `enum`, and `says`, what its description has of them. A field that ends
    with `[]` means the elements of the list."""
    return _enums().get(legacy_schema.base_of(name) or name, {})


@lru_cache(maxsize=1)
def _protobuf() -> dict[str, msgspec.Raw]:
    content = Path(__file__).with_name("protobuf.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, msgspec.Raw])


def protobuf(name: str) -> dict[int, str]:
    """The fields of a protobuf message: number -> `json name[ type]` (see `rules.decode.protobuf_fields`). KeyError when there is none."""
    return msgspec.json.decode(_protobuf()[name], type=dict[int, str])


def protobuf_names() -> list[str]:
    """The names of all messages whose fields are known; messages with a JSON form of their own are not among them."""
    return list(_protobuf())


@lru_cache(maxsize=1)
def registered() -> frozenset[tuple[str, str]]:
    """(apiVersion, kind) of everything the reference's decoder knows, also what is no longer served."""
    content = Path(__file__).with_name("registered.json").read_bytes()
    found = {(version, kind) for version, kinds in msgspec.json.decode(content).items() for kind in kinds}
    for definition_ in _definitions().values():
        for gvk in msgspec.json.decode(definition_, type=_Header).gvks:
            version = f"{gvk['group']}/{gvk['version']}" if gvk["group"] else gvk["version"]
            found.add((version, gvk["kind"]))
    return frozenset(found)
