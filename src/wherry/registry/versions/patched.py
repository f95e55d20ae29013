"""Between a patch and an update: the object in the version the patch speaks of, and the patched object checked like a body."""

from __future__ import annotations

import msgspec

from wherry.api.errors import BadRequest, StatusError
from wherry.api.objects import Obj
from wherry.api.options import STRATEGIC_PATCH, Target, WriteOptions
from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.registry.versions import bodies
from wherry.rules.kinds.conversion import convert
from wherry.rules.schema.decode import unstructured
from wherry.rules.writing.managed_fields.apply import group_version_kind, subject
from wherry.rules.writing.patch import undecodable


def as_version(core: Core, resource: Resource, stored: Obj) -> Obj:
    """A stored object in the version that was asked for."""
    storage = core.table.storage(resource)
    return stored if storage is resource else convert(stored, storage, resource)


def decode_patched(
    resource: Resource, patched: Obj, parsed: object, patch_type: str, options: WriteOptions, strict: list[str] | None = None
) -> tuple[Obj, list[str]]:
    """The patched object, checked like a body. `strict`: what is odd in the patch itself. Raises Invalid naming the patch."""
    try:
        decoded = bodies.decoded_as(resource, patched, "Warn" if strict else options.field_validation)
    except BadRequest as error:
        why = error.message.removeprefix(f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: ')
        if patch_type == STRATEGIC_PATCH and not why.startswith("strict decoding error"):
            why = unstructured.mismatch(resource.node, patched) or why
        raise undecodable(patch_type, parsed, patched, why) from error
    if not strict:
        return decoded.obj, decoded.warnings
    strict = [*strict, *decoded.warnings]
    if options.field_validation == "Strict":
        raise undecodable(patch_type, parsed, patched, "strict decoding error: " + ", ".join(strict))
    return decoded.obj, strict


def stored_draft(core: Core, target: Target, decoded: Obj) -> Obj:
    """A private draft in the stored version, of the object that the path names."""
    draft = bodies.to_storage(core, target.resource, {**decoded, "metadata": dict(decoded.get("metadata") or {})})
    bodies.check_name(draft, target)
    return draft


def decode_merged(form: Resource, merged: Obj, applied: Obj) -> tuple[Obj, list[str]]:
    """The result of an apply, whose configuration was checked before. Raises BadRequest; StatusError (500) for what is no such object.

    It shares zeros with the schema's types, and defaulting fills in what is missing in place: so it starts from a copy.
    """
    try:
        decoded = bodies.decoded_as(form, msgspec.json.decode(msgspec.json.encode(merged)), "Ignore")
    except BadRequest as error:
        if form.custom is not None:
            raise
        what = group_version_kind(form.api_version, form.kind)
        why = unstructured.mismatch(form.node, merged) or error.message
        raise StatusError(
            f"failed to convert new object ({subject(applied)}) to proper version: unable to convert unstructured object to {what}: {why}"
        ) from error
    return decoded.obj, decoded.warnings
