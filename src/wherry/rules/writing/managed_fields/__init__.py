"""Managed fields: who owns which field of an object, and server-side apply.

The registry calls `track_update` on every create, update and patch, `track_scale` for `/scale`, `apply_patch` for an apply patch, and
`keep_times` once the new object is prepared. Sets of fields are kept as the FieldsV1 JSON that objects carry (see `sets`).
Not here: reconciling stored sets with a schema whose lists or maps turned atomic, and comparing in another version than the request's
(an entry of another version is compared in the request's, which is the same for kinds whose versions differ in name only).
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/, KEP-555.
"""

from __future__ import annotations

from wherry.rules.writing.managed_fields.apply import apply_patch
from wherry.rules.writing.managed_fields.reset import SPEC_AND_METADATA, STATUS, Reset
from wherry.rules.writing.managed_fields.scale import parent_entries, scale_entries, track_scale
from wherry.rules.writing.managed_fields.track import keep_times, track_update

__all__ = [
    "SPEC_AND_METADATA", "STATUS", "Reset", "apply_patch", "keep_times", "parent_entries", "scale_entries", "track_scale", "track_update",
]  # fmt: skip
