"""Entries of `metadata.managedFields`: reading what a client sent, identity, order, the cap on their number.

Called by `track`, `apply` and `scale`. An entry is the JSON object that is stored; entries and their sets are shared and never changed.
Source: k8s.io/apimachinery/pkg/util/managedfields/internal (managedfields.go, fieldmanager.go, capmanagers.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from wherry.rules.writing.managed_fields.sets import EMPTY, Set, normal, union

Entry = dict[str, Any]
#: manager, operation, apiVersion ("" for Apply: an applier keeps its identity across versions), subresource
Identity = tuple[str, str, str, str]

MAX_UPDATERS = 10
ANCIENT = "ancient-changes"


class Broken(Exception):
    """The list is not one of managed fields entries."""


def identity(entry: Entry) -> Identity:
    operation = entry["operation"]
    version = "" if operation == "Apply" else entry["apiVersion"]
    return entry.get("manager", ""), operation, version, entry.get("subresource", "")


def identity_text(who: Identity) -> str:
    """The identity as the reference writes it; what conflicts are sorted by."""
    names = ("manager", "operation", "apiVersion", "subresource")
    return msgspec.json.encode({k: v for k, v in zip(names, who, strict=True) if v}).decode()


def make(who: Identity, api_version: str, fields: Set, time: str) -> Entry:
    entry: Entry = {"manager": who[0], "operation": who[1], "apiVersion": api_version}
    if time:
        entry["time"] = time
    entry["fieldsType"] = "FieldsV1"
    entry["fieldsV1"] = fields
    if who[3]:
        entry["subresource"] = who[3]
    return entry


def _order(entry: Entry) -> tuple[str, str, str, str, str]:
    return (
        entry["operation"], entry.get("time") or "", entry.get("manager", ""), entry["apiVersion"], entry.get("subresource", ""),
    )  # fmt: skip


def in_order(entries: list[Entry]) -> list[Entry]:
    """Appliers first, then by age (times are in whole seconds of UTC, so their texts sort)."""
    return sorted(entries, key=_order) if len(entries) > 1 else entries


def _decode(entry: Any, i: int) -> Entry:
    if not isinstance(entry, dict) or entry.get("operation") not in ("Apply", "Update"):
        raise Broken("operation must be `Apply` or `Update`")
    if not entry.get("apiVersion"):
        raise Broken("apiVersion must not be empty")
    fields_type = entry.get("fieldsType") or ""
    if not fields_type:
        raise Broken(f"missing fieldsType in managed fields entry {i}")
    if fields_type != "FieldsV1":
        raise Broken(f"invalid fieldsType {msgspec.json.encode(fields_type).decode()} in managed fields entry {i}")
    try:
        fields = normal(entry.get("fieldsV1") or {})
    except ValueError as error:  # msgspec's errors are ValueErrors too
        raise Broken(f"error decoding set: {error}") from None
    return make(
        (entry.get("manager") or "", entry["operation"], entry["apiVersion"], entry.get("subresource") or ""),
        entry["apiVersion"], fields, entry.get("time") or "",
    )  # fmt: skip


def decode(listed: Any) -> list[Entry]:
    """Entries that came from outside, checked and in our form; of two with one identity the later one counts. Raises Broken."""
    if not isinstance(listed, list):
        raise Broken("not a list")
    found = {identity(e): e for e in (_decode(entry, i) for i, entry in enumerate(listed))}
    return list(found.values())


def stored(obj: Mapping[str, Any] | None) -> list[Entry]:
    """The entries of an object from the store."""
    return obj["metadata"].get("managedFields") or [] if obj is not None else []


def is_reset(listed: Any) -> bool:
    """A client clears all entries by sending an empty list, or one empty entry."""
    return isinstance(listed, list) and (not listed or (len(listed) == 1 and not listed[0]))


def incoming(old: Mapping[str, Any] | None, new: Mapping[str, Any], subresource: str) -> list[Entry]:
    """What a write starts from: the client's entries, or the live ones when it sent none, broken ones, or wrote a subresource."""
    live = stored(old)
    listed = new["metadata"].get("managedFields")
    if subresource or listed is None or listed is live:
        return live
    if is_reset(listed):
        return []
    if listed == live:
        return live
    try:
        return decode(listed) or live
    except Broken:
        return live


def capped(entries: list[Entry]) -> list[Entry]:
    """At most MAX_UPDATERS entries of updates: the oldest ones become one per version."""
    updaters = [e for e in entries if e["operation"] != "Apply"]
    if len(updaters) <= MAX_UPDATERS:
        return entries
    updaters.sort(key=lambda e: (e.get("time") or "", identity_text(identity(e))))
    kept = {identity(e): e for e in entries}
    first: dict[str, Identity] = {}
    count = len(updaters)
    for entry in updaters:
        if count <= MAX_UPDATERS:
            break
        version, who = entry["apiVersion"], identity(entry)
        if version not in first:
            first[version] = who
            continue
        bucket: Identity = (ANCIENT, "Update", version, "")
        if bucket not in kept:
            kept[bucket] = kept.pop(first[version])
        fields = union(entry["fieldsV1"], kept[bucket]["fieldsV1"])
        kept.pop(who, None)
        kept[bucket] = make(bucket, version, fields, entry.get("time") or "")
        count -= 1
    return list(kept.values())


def with_fields(entry: Entry, fields: Set) -> Entry | None:
    """The entry with these fields instead; itself when they are the same, None when there are none."""
    if fields is entry.get("fieldsV1"):
        return entry if fields else None
    return {**entry, "fieldsV1": fields} if fields else None


def fields_of(entry: Entry) -> Set:
    found: Set = entry.get("fieldsV1") or EMPTY
    return found
