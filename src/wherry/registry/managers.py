"""Who owns which fields: keeps `metadata.managedFields` on every write (KEP-555).

A write is tracked in one of three ways: `by_update` (create, update, patch), `by_scale`, and `by_apply`, whose merge did it already.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.objects import Obj
from wherry.api.options import WriteOptions
from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.rules.conversion import convert
from wherry.rules.crd import kind as custom_kinds
from wherry.rules.managed_fields import Reset, track_scale, track_update

#: (core, resource asked for, old or None, draft, options, subresource): sets the draft's managedFields to what they are after the write
Track = Callable[[Core, Resource, Obj | None, Obj, WriteOptions, str], None]


def by_update(core: Core, resource: Resource, old: Obj | None, draft: Obj, options: WriteOptions, subresource: str = "") -> None:
    storage = core.table.storage(resource)
    fields = track_update(
        None if old is None else _shown(old, storage, resource),
        _shown(draft, storage, resource),
        node=resource.node,
        manager=options.manager,
        api_version=resource.api_version,
        subresource=subresource,
        time=core.timestamp(),
        reset=reset_of(resource, subresource),
    )
    _set(draft, fields)


def reset_of(resource: Resource, subresource: str) -> Reset | None:
    """What writes of a custom kind do not own; None for built-in kinds, of which tracking knows."""
    custom = custom_kinds.of(resource)
    return None if custom is None else custom.reset(subresource)


def _shown(obj: Obj, storage: Resource, resource: Resource) -> Obj:
    """Fields are owned in the version that the manager spoke of."""
    return obj if storage is resource else convert(obj, storage, resource)


def by_scale(core: Core, resource: Resource, old: Obj | None, draft: Obj, options: WriteOptions, subresource: str = "") -> None:
    if old is not None:
        _set(draft, track_scale(old, draft, manager=options.manager, api_version=resource.api_version))


def by_apply(core: Core, resource: Resource, old: Obj | None, draft: Obj, options: WriteOptions, subresource: str = "") -> None:
    """The merge of the applied configuration set them."""


def _set(draft: Obj, fields: list[Obj]) -> None:
    if fields:
        draft["metadata"]["managedFields"] = fields
    else:
        draft["metadata"].pop("managedFields", None)
