"""What is sent instead of objects when the client asks for less: Tables and PartialObjectMetadata, of one, of lists and in watches.

Called by the handlers of reads, writes and watches. Objects are decoded once per version (`Record.object`) and not changed.
Source: k8s.io/apiserver/pkg/endpoints/handlers/response.go.
"""

from __future__ import annotations

from typing import cast

from wherry.api.errors import BadRequest, NotAcceptable
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.registry.results import Page
from wherry.rules.showing import tables
from wherry.rules.showing.tables import IncludeObject
from wherry.server.negotiation import Wanted
from wherry.server.parameters import Parameters
from wherry.server.rendering import encode
from wherry.store.protocol import Record

_INCLUDES = ("", "Metadata", "Object", "None")


def include_object(p: Parameters) -> IncludeObject:
    """The table option `includeObject`. Raises BadRequest."""
    given = p.text("includeObject")
    if given not in _INCLUDES:
        raise BadRequest(
            f'Unable to convert to Table as requested: includeObject: Invalid value: "{given}": '
            "must be 'Metadata', 'Object', 'None', or empty"
        )
    return cast("IncludeObject", given or "Metadata")


def _go_type(target: Target) -> str:
    """The name of the reference's type, which its messages show."""
    resource = target.resource
    package = resource.group.partition(".")[0] if resource.group else "core"
    return f"*{package}.{'Scale' if target.subresource == 'scale' else resource.kind}"


def list_metadata(page: Page) -> Obj:
    metadata: Obj = {"resourceVersion": str(page.revision)}
    if page.continue_token:
        metadata["continue"] = page.continue_token
        if page.remaining is not None:
            metadata["remainingItemCount"] = page.remaining
    return metadata


def _metadata(obj: Obj) -> Obj:
    version = (obj.get("metadata") or {}).get("resourceVersion")
    return {"resourceVersion": version} if version else {}


def is_status(obj: Obj) -> bool:
    """A Status stays what it is, whatever was asked for."""
    return obj.get("kind") == "Status" and obj.get("apiVersion") == "v1"


def one(target: Target, record: Record, wanted: Wanted, p: Parameters, now: float) -> bytes:
    """One object, turned into what is wanted. Raises NotAcceptable, BadRequest."""
    obj: Obj = record.object()
    if is_status(obj):
        return record.value
    if wanted.convert == "PartialObjectMetadata":
        return encode(tables.partial(obj, wanted.version))
    if wanted.convert == "PartialObjectMetadataList":
        raise NotAcceptable(f"you requested PartialObjectMetadataList, but the requested object is not a list ({_go_type(target)})")
    include = include_object(p)
    return encode(
        tables.table(
            target.resource, [obj], now, include, metadata=_metadata(obj), headers=not p.flag("noHeaders"), version=wanted.version,
            subresource=target.subresource,
        )
    )


def many(target: Target, page: Page, wanted: Wanted, p: Parameters, now: float) -> bytes:
    """A list, turned into what is wanted. Raises NotAcceptable, BadRequest."""
    if wanted.convert == "PartialObjectMetadata":
        raise NotAcceptable(f"you requested PartialObjectMetadata, but the requested object is a list ({_go_type(target)}List)")
    objs = [record.object() for record in page.records]
    if wanted.convert == "PartialObjectMetadataList":
        kind, version = "PartialObjectMetadataList", f"meta.k8s.io/{wanted.version}"
        items = [tables.partial(obj, wanted.version) for obj in objs] or None
        return encode({"kind": kind, "apiVersion": version, "metadata": list_metadata(page), "items": items})
    include = include_object(p)
    return encode(
        tables.table(
            target.resource, objs, now, include, metadata=list_metadata(page), headers=not p.flag("noHeaders"), version=wanted.version
        )
    )


class WatchTransform:
    """The object of each watch event, turned into what is wanted; a table says its columns only once."""

    def __init__(self, target: Target, wanted: Wanted, p: Parameters) -> None:
        self._target, self._wanted = target, wanted
        self._table = wanted.convert == "Table"
        self._include = include_object(p) if self._table else "Metadata"
        self._headers = not p.flag("noHeaders")

    def __call__(self, obj: Obj, now: float) -> bytes:
        """The reference sends what it cannot turn into what is wanted (a list of one) as it is; so do we."""
        if self._wanted.convert == "PartialObjectMetadata":
            return encode(tables.partial(obj, self._wanted.version))
        if not self._table:
            return encode(obj)
        headers, self._headers = self._headers, False
        return encode(
            tables.table(
                self._target.resource, [obj], now, self._include, metadata=_metadata(obj), headers=headers, version=self._wanted.version
            )
        )
