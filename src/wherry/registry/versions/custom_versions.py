"""Custom objects in the version that is asked for, and back in the one they are stored in.

Called by every verb for the rows of custom kinds: `prepare` (may ask a conversion webhook), then `served` for each record; `stored` before
a write. What was stored under another schema is pruned and defaulted by the one of now, as the reference does when it reads. Results are
kept with the record, for the definition they were made by.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver (customresource_handler.go crdConversionRESTOptionsGetter), .../conversion.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec

from wherry.api.errors import InternalError
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.registry.encode import transient
from wherry.rules.custom import kind as kinds
from wherry.rules.custom.conversion import renamed
from wherry.rules.custom.decode import coerce
from wherry.rules.custom.embedded import WrongMetadata
from wherry.rules.custom.kind import CustomKind
from wherry.store.protocol import Record


async def prepare(core: Core, row: Resource, records: Iterable[Record | None]) -> None:
    """Asks the conversion webhook about records that are stored in another version, all at once. Raises StatusError."""
    kind = kinds.of(row)
    if kind is None or kind.conversion["strategy"] == "None":
        return
    waiting = [r for r in records if r is not None and _cached(r, kind) is None and r.object()["apiVersion"] != kind.api_version]
    if waiting:
        converted = await _ask(core, kind, [r.object() for r in waiting], kind.api_version)
        for record, obj in zip(waiting, converted, strict=True):
            _keep(record, kind, _shown(record, kind, obj))


def served(row: Resource, record: Record) -> Record:
    """The record as the row's version shows it. Records that need a webhook were prepared."""
    kind = kinds.of(row)
    if kind is None:
        return record
    found = _cached(record, kind)
    if found is None:
        obj: Obj = msgspec.json.decode(record.value)
        if obj["apiVersion"] != kind.api_version:
            if kind.conversion["strategy"] != "None":
                raise InternalError(f"{record.key} is not converted to {kind.api_version}")
            obj["apiVersion"] = kind.api_version
        found = _shown(record, kind, obj)
        _keep(record, kind, found)
    return found


def is_stored_right(row: Resource, record: Record) -> bool:
    """Storing the object again would change nothing: its version is the storage version, and its schema left it as it was."""
    kind = kinds.of(row)
    if kind is None:
        return True
    return _cached(record, kind) is record and row.version == kind.storage_version


async def shown(core: Core, row: Resource, obj: Obj) -> Obj:
    """An object of a custom kind, in whatever version, as the row's version shows it. Raises StatusError."""
    kind = kinds.of(row)
    if kind is None or obj["apiVersion"] == kind.api_version:
        return obj
    if kind.conversion["strategy"] == "None":
        return renamed(obj, kind.api_version)
    return (await _ask(core, kind, [obj], kind.api_version))[0]


async def stored(core: Core, row: Resource, draft: Obj) -> Obj:
    """The draft in the version that objects are stored in. Raises StatusError."""
    kind = kinds.of(row)
    if kind is None or row.version == kind.storage_version:
        return draft
    wanted = f"{row.group}/{kind.storage_version}"
    if kind.conversion["strategy"] == "None":
        return renamed(draft, wanted)
    converted = (await _ask(core, kind, [draft], wanted))[0]
    return {**converted, "metadata": dict(converted["metadata"])}


async def _ask(core: Core, kind: CustomKind, objs: list[Obj], wanted: str) -> list[Obj]:
    from wherry.registry.versions.conversion_webhook import convert  # most clusters never ask one

    return await convert(core, kind, objs, wanted)


def _shown(record: Record, kind: CustomKind, obj: Obj) -> Record:
    """`obj`, private, by the schema of its version; the record itself when that is what it holds."""
    with suppress(WrongMetadata):  # stored before it was checked: shown as it is
        coerce(obj, kind.structural)
    kind.strategy.default(obj)
    if obj == record.object():
        return record
    made = transient(obj, record.revision, record.key)
    made.create_revision, made.deleted, made.prev = record.create_revision, record.deleted, record.prev
    return made


def _cached(record: Record, kind: CustomKind) -> Record | None:
    found: Record | None = record.cache.get(kind) if record.cache is not None else None
    return found


def _keep(record: Record, kind: CustomKind, shown: Record) -> None:
    """Beside it only what was made by current definitions of other versions."""
    cache: dict[Any, Any] = record.cache or {}
    record.cache = {k: v for k, v in cache.items() if not isinstance(k, CustomKind) or k.definition is kind.definition}
    record.cache[kind] = shown
