"""Who owns which fields: keeps `metadata.managedFields` on every create, update and patch (KEP-555).

Called by the views of objects. An apply's merge has done it already, and a Scale's view does it in its own way.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.verbs.write import Write
from wherry.registry.versions.patched import as_version
from wherry.rules.custom import kind as custom_kinds
from wherry.rules.writing.managed_fields import Reset, track_update


def track(write: Write) -> None:
    """Fields are owned in the version that the manager spoke of."""
    core, row = write.core, write.row
    fields = track_update(
        None if write.old is None else as_version(core, row, write.old),
        as_version(core, row, write.draft),
        node=row.node,
        manager=write.options.manager,
        api_version=row.api_version,
        subresource=write.subresource,
        time=core.timestamp(),
        reset=reset_of(row, write.subresource),
    )
    put(write.draft, fields)


def reset_of(row: Resource, subresource: str) -> Reset | None:
    """What writes of a custom kind do not own; None for built-in kinds, of which tracking knows."""
    custom = custom_kinds.of(row)
    return None if custom is None else custom.reset(subresource)


def put(draft: Obj, fields: list[Obj]) -> None:
    """Sets a draft's managedFields; none where nobody owns anything."""
    if fields:
        draft["metadata"]["managedFields"] = fields
    else:
        draft["metadata"].pop("managedFields", None)
