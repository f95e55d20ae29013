"""Patch: a change of what the view shows of the current object, in the version asked for; then an update like any other.

Source of the error texts: k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from typing import cast

import msgspec

from wherry.api.errors import UnsupportedMediaType
from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from wherry.registry.results import Written
from wherry.registry.verbs import applies
from wherry.registry.verbs.updates import change
from wherry.registry.verbs.write import Make, Patch, Write
from wherry.registry.versions.patched import decode_patched
from wherry.rules.writing.patch import apply, parse_patch, strict_errors

#: what custom objects can be patched with: a strategic merge needs to know the type
CUSTOM_PATCHES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
#: kinds whose patched objects go on sharing with the stored one what the patch left alone: their rules copy what they change. Every other
#: kind starts from a copy, as defaults and allocation fill in what is missing in place.
SHARED = frozenset({"Pod"})


def unknown_patch(accepted: tuple[str, ...]) -> UnsupportedMediaType:
    return UnsupportedMediaType(f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}")


async def patch(write: Write) -> Written:
    """`write.body` is a Patch. Raises BadRequest, NotFound, Conflict, Invalid, UnsupportedMediaType."""
    given = cast("Patch", write.body)
    if given.type == APPLY_PATCH:
        return await applies.apply(write)
    if write.row.custom is not None and given.type == STRATEGIC_PATCH:
        raise unknown_patch(CUSTOM_PATCHES)
    write.make = _patching(given)
    return await change(write)


def _patching(given: Patch) -> Make:
    """The patch is read once the object is found: of an object that is not there nobody says what is wrong with its patch."""
    read: list[tuple[object, list[str]]] = []

    def make(write: Write) -> Obj:
        if not read:
            read.append(_read(given, strict=write.options.field_validation != "Ignore"))
        parsed, strict = read[0]
        form = write.view.form(write.row)
        patched = apply(given.type, write.view.shown(write), parsed, form.node)
        if given.type == STRATEGIC_PATCH:
            # which kind a patch of this form says it is for, is never looked at
            patched = {**patched, "kind": form.kind, "apiVersion": form.api_version}
        if form.group_kind not in SHARED:
            patched = msgspec.json.decode(msgspec.json.encode(patched))
        decoded, warnings = decode_patched(form, patched, parsed, given.type, write.options, strict)
        write.warnings += warnings
        return write.view.merged(write, decoded)

    return make


def _read(given: Patch, *, strict: bool) -> tuple[object, list[str]]:
    """(the patch, what is odd in it). Raises BadRequest."""
    if not isinstance(given.content, bytes):
        return given.content, []
    parsed = parse_patch(given.type, given.content)
    return parsed, strict_errors(given.type, given.content, parsed) if strict else []
