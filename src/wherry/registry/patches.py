"""Patch: a change of the current object in the version asked for, then an update like any other.

Source of the error texts: k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

import msgspec

from wherry.api.errors import UnsupportedMediaType
from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, Target, User, WriteOptions
from wherry.registry import applies
from wherry.registry.core import Core
from wherry.registry.patches_decoded import as_version, decode_patched, stored_draft
from wherry.registry.results import Written
from wherry.registry.updates import change
from wherry.rules.patch import apply, parse_patch, strict_errors

#: what custom objects can be patched with: a strategic merge needs to know the type
CUSTOM_PATCHES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
#: kinds whose patched objects go on sharing with the stored one what the patch left alone: their rules copy what they change. Every other
#: kind starts from a copy, as defaults and allocation fill in what is missing in place.
SHARED = frozenset({"Pod"})


def unknown_patch(accepted: tuple[str, ...]) -> UnsupportedMediaType:
    return UnsupportedMediaType(f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}")


async def patch(core: Core, target: Target, patch_type: str, content: bytes | object, options: WriteOptions, user: User) -> Written:
    """`content`: the body as it came, or a decoded patch. Raises BadRequest, NotFound, Conflict, Invalid, UnsupportedMediaType."""
    if patch_type == APPLY_PATCH:
        return await applies.apply(core, target, content, options, user)
    resource = target.resource
    if resource.custom is not None and patch_type == STRATEGIC_PATCH:
        raise unknown_patch(CUSTOM_PATCHES)
    parsed = parse_patch(patch_type, content) if isinstance(content, bytes) else content
    strict = strict_errors(patch_type, content, parsed) if isinstance(content, bytes) and options.field_validation != "Ignore" else []

    def make(old: Obj) -> tuple[Obj, list[str]]:
        shown = as_version(core, resource, old)
        patched = apply(patch_type, shown, parsed, resource.node)
        if resource.group_kind not in SHARED:
            patched = msgspec.json.decode(msgspec.json.encode(patched))
        decoded, warnings = decode_patched(resource, patched, parsed, patch_type, options, strict)
        return stored_draft(core, target, decoded), warnings

    return await change(core, target, make, options, user)
