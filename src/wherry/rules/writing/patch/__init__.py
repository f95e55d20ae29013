"""Patches: the current object and a patch to the patched object, for the three patch types that are not server-side apply.

The registry parses a body once with `parse_patch` and calls `apply`, again after every conflict. The current object is shared and is
never changed; the result shares what the patch did not touch. What comes out is not decoded: unknown fields, nulls and wrong types are
still in it, and when decoding refuses them `undecodable` makes the answer.
Source: k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wherry.api.errors import Cause, Invalid, UnsupportedMediaType, invalid
from wherry.api.objects import Obj
from wherry.api.options import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from wherry.api.schema import Node
from wherry.rules.texts.go_values import sprint
from wherry.rules.writing.patch import json_patch, merge_patch, strategic
from wherry.rules.writing.patch.parse import parse_patch, strict_errors

__all__ = ["apply", "parse_patch", "strict_errors", "undecodable"]


def apply(patch_type: str, current: Obj, patch: Any, node: Node | None) -> Obj:
    """`current` with `patch` (as `parse_patch` gave it) applied. `node` None: a kind without schema, which has no strategic merge.

    Raises BadRequest, Invalid, or a StatusError with code 500.
    """
    if patch_type == JSON_PATCH:
        return json_patch.apply(current, patch)
    if patch_type == MERGE_PATCH:
        return merge_patch.apply(current, patch)
    if patch_type == STRATEGIC_PATCH:
        return strategic.apply(current, patch, node)
    raise UnsupportedMediaType(f"unknown Content-Type header for patch: {patch_type}")


def undecodable(patch_type: str, patch: Any, patched: Obj, why: str) -> Invalid:
    """The 422 for a patched object that does not decode; `why` is the decoder's message.

    A strategic patch is shown as Go prints a map, the others show the whole patched object.
    """
    if patch_type == STRATEGIC_PATCH:
        shown = sprint(patch)
    else:
        touched = json_patch.touched(patch) if patch_type == JSON_PATCH else patch
        shown = msgspec.json.encode(_rewritten(patched, touched)).decode()
    quoted = msgspec.json.encode(shown).decode()
    return invalid("", "", [Cause("FieldValueInvalid", f"Invalid value: {quoted}: {why}", "patch")])


def _rewritten(value: Any, touched: Any) -> Any:
    """`value` with the keys in order wherever the patch reached into it: those parts were taken apart, the rest was copied as text."""
    if not isinstance(touched, dict):
        return value
    if isinstance(value, dict):
        return {k: _rewritten(value[k], touched.get(k)) for k in sorted(value)}
    if isinstance(value, list):
        return [_rewritten(each, touched.get(str(i))) for i, each in enumerate(value)]
    return value
