"""Patch: a change of the current object in the version asked for, then an update like any other.

Source of the error texts: k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, Target, User, WriteOptions
from wherry.api.schema import definition
from wherry.registry import applies
from wherry.registry.core import Core
from wherry.registry.patches_decoded import as_version, decode_patched, stored_draft
from wherry.registry.results import Written
from wherry.registry.updates import change
from wherry.rules.patch import apply, parse_patch


async def patch(core: Core, target: Target, patch_type: str, content: bytes | object, options: WriteOptions, user: User) -> Written:
    """`content`: the body as it came, or a decoded patch. Raises BadRequest, NotFound, Conflict, Invalid, UnsupportedMediaType."""
    if patch_type == APPLY_PATCH:
        return await applies.apply(core, target, content, options, user)
    parsed = parse_patch(patch_type, content) if isinstance(content, bytes) else content
    resource = target.resource

    def make(old: Obj) -> tuple[Obj, list[str]]:
        shown = as_version(core, resource, old)
        patched = apply(patch_type, shown, parsed, definition(resource.schema))
        decoded, warnings = decode_patched(resource, patched, parsed, patch_type, options)
        return stored_draft(core, target, decoded), warnings

    return await change(core, target, make, options, user)
