"""The OpenAPI documents of the API server: `/openapi/v3`, `/openapi/v3/...` and `/openapi/v2`.

Called by the HTTP server. Turns the resource table into documents, built when first asked for and kept compressed. Invariants: the same
rows give the same bytes and the same hash; a document's hash says what it is made from, so the index needs no document.
Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition, KEP-2896.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from wherry.api import schema_data
from wherry.api.resources import Resource, ResourceTable
from wherry.server.openapi import custom as openapi_custom
from wherry.server.openapi import paths
from wherry.server.openapi import protobuf as openapi_protobuf
from wherry.server.openapi import schemas as openapi_schemas
from wherry.server.openapi import v2 as openapi_v2

#: media type of version 2 as protobuf, for the answer's Content-Type
PROTOBUF_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
#: how clients ask for it; the first, kubectl's, is no well-formed media type, so it must not be sent back
PROTOBUF_V2_ASKED = ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", PROTOBUF_V2)

_VERSION = "v1.36.2"
_PLAIN_PATHS = (".well-known/openid-configuration", "api", "apis", "openid/v1/jwks", "version")
_ALWAYS = tuple(paths.META + name for name in ("DeleteOptions", "Patch", "Status"))


class _Source(NamedTuple):
    """What a document is made from. `custom`: the schemas of custom kinds, JSON by name."""

    rows: tuple[Resource, ...]
    custom: tuple[tuple[str, bytes], ...]


def index(table: ResourceTable) -> bytes:
    """`/openapi/v3`: every document's path and address; the hash changes when the document does."""
    found = {}
    for path in sorted([*_PLAIN_PATHS, *_group_paths(table)]):
        found[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={hash_of(table, path)}"}
    return msgspec.json.encode({"paths": found})


def v3(table: ResourceTable, group: str, version: str) -> bytes | None:
    """The document of a group version; None when nothing is served there."""
    return document(table, paths.root(group, version)[1:])


def document(table: ResourceTable, path: str) -> bytes | None:
    """The document behind `/openapi/v3/<path>`; None when there is none."""
    source = _source(table, path)
    if source.rows:
        return zlib.decompress(_v3(source))
    if path in _PLAIN_PATHS or path in _group_paths(table):
        return _plain(path)
    return None


def hash_of(table: ResourceTable, path: str) -> str:
    """The hash in the index: of what the document is made from, SHA-512 in upper-case hexadecimal."""
    made_from = repr((schema_data.VERSION, _VERSION, path, _source(table, path)))
    return hashlib.sha512(made_from.encode()).hexdigest().upper()


def v2(table: ResourceTable) -> bytes:
    """`/openapi/v2` as JSON: all group versions in one document."""
    return zlib.decompress(_v2(_everything(table)))


def v2_protobuf(table: ResourceTable) -> bytes:
    """`/openapi/v2` as protobuf (media type PROTOBUF_V2, asked for as PROTOBUF_V2_ASKED): the form that kubectl asks for."""
    return zlib.decompress(_v2_protobuf(_everything(table)))


def _group_paths(table: ResourceTable) -> set[str]:
    versions = {paths.root(row.group, row.version)[1:] for row in table}
    return versions | {f"apis/{row.group}" for row in table if row.group}


def _source(table: ResourceTable, path: str) -> _Source:
    return _pick(tuple(row for row in table if paths.root(row.group, row.version)[1:] == path))


def _everything(table: ResourceTable) -> _Source:
    return _pick(tuple(table))


def _pick(rows: tuple[Resource, ...]) -> _Source:
    return _Source(rows, tuple((row.schema, row.custom.openapi) for row in rows if row.custom is not None))


@lru_cache(maxsize=64)
def _v3(source: _Source) -> bytes:
    head = msgspec.json.encode({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "unversioned"}, "paths": _paths(source)})
    schemas = b",".join(_pair(name, schema) for name, schema in _definitions(source, openapi_schemas.V3))
    return zlib.compress(head[:-1] + b',"components":{"schemas":{' + schemas + b"}}}", 5)


@lru_cache(maxsize=2)
def _v2(source: _Source) -> bytes:
    items = openapi_v2.paths(_paths(source))
    head = msgspec.json.encode({"swagger": "2.0", "info": _info(), "parameters": openapi_v2.share(items), "paths": items})
    schemas = b",".join(_pair(name, schema) for name, schema in _definitions(source, openapi_schemas.V2))
    return zlib.compress(head[:-1] + b',"definitions":{' + schemas + b"}}", 5)


@lru_cache(maxsize=2)
def _v2_protobuf(source: _Source) -> bytes:
    items, definitions = openapi_v2.paths(_paths(source)), _definitions(source, openapi_schemas.V2)
    return zlib.compress(openapi_protobuf.document(_info(), openapi_v2.share(items), items, definitions), 5)


def _info() -> dict[str, str]:
    return {"title": "Kubernetes", "version": _VERSION}


def _paths(source: _Source) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in source.rows:
        found.update(paths.items(row, strategic=schema_data.has(row.schema)))
    return dict(sorted(found.items()))


def _definitions(source: _Source, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every definition that the document's paths need, one at a time: a whole document as Python values would be big."""
    custom = dict(source.custom)
    names = {*_ALWAYS, *(name for row in source.rows for name in paths.schemas(row))}
    built_in = openapi_schemas.reachable(names | ({paths.META + "ObjectMeta", paths.META + "ListMeta"}))
    for name in built_in:
        yield name, openapi_schemas.definition(name, place)
    for row in source.rows:
        if not schema_data.has(row.schema):
            yield from openapi_custom.definitions(row, custom.get(row.schema), paths.list_schema(row), place)


def _pair(name: str, schema: dict[str, Any]) -> bytes:
    return msgspec.json.encode(name) + b":" + msgspec.json.encode(schema)


def _plain(path: str) -> bytes:
    """The document of a path that serves no resources: discovery, version, keys."""
    operation = {"get": {"description": f"get /{path}", "responses": {"200": {"description": "OK"}}}}
    info = {"title": "Kubernetes", "version": "unversioned"}
    return msgspec.json.encode({"openapi": "3.0.0", "info": info, "paths": {f"/{path}/": operation}, "components": {}})
