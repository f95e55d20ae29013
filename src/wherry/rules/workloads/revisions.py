"""ControllerRevisions: the remembered pod templates of a StatefulSet or DaemonSet.

Called by the rules of both. An owner and its revisions go in; out come the revision of the present template, or the write that makes one.
A revision's `data` is the strategic merge patch that puts its template back. Numbers only grow: going back to an old template raises the
number of its revision. Two templates that are equal after dropping what says nothing are one revision.
Source of the rule: pkg/controller/history, StatefulSet's getStatefulSetRevisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.options import STRATEGIC_PATCH
from wherry.api.resources import resource
from wherry.api.schema import definition
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Plan, Update
from wherry.rules.workloads import template_hash
from wherry.rules.writing.patch import apply

#: on a pod: the revision it was made from
POD_LABEL = "controller-revision-hash"

_REPLACE = {"$patch": "replace"}
_LONGEST_PREFIX = 223
_PLURALS = {"StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


def data_of(template: Obj) -> Obj:
    """The patch that makes `template` the template of its owner, its keys in order: clients compare its bytes with what they work out."""
    data: Obj = msgspec.json.decode(msgspec.json.encode({"spec": {"template": {**template, **_REPLACE}}}, order="sorted"))
    return data


def template_of(revision: Obj, owner: Obj) -> Obj:
    """The pod template that the revision keeps."""
    data: Obj = revision.get("data") or {}
    kept: Obj = (data.get("spec") or {}).get("template") or {}
    if kept.get("$patch") == "replace":
        return {k: v for k, v in kept.items() if k != "$patch"}
    return _patched(owner, data)


def _patched(owner: Obj, data: Obj) -> Obj:
    """A revision that somebody else wrote may be any patch."""
    schema = definition(resource(_PLURALS[owner["kind"]], "apps").schema)
    template: Obj = apply(STRATEGIC_PATCH, owner, data, schema)["spec"]["template"]
    return template


def number(revision: Obj) -> int:
    return int(revision.get("revision") or 0)


def in_order(revisions: Iterable[Obj]) -> list[Obj]:
    """The oldest number first; by age, then by name among equal numbers."""
    return sorted(revisions, key=lambda r: (number(r), r["metadata"].get("creationTimestamp", ""), objects.name(r)))


def next_number(revisions: Iterable[Obj]) -> int:
    return max(map(number, revisions), default=0) + 1


def is_of(revision: Obj, owner: Obj) -> bool:
    """The revision keeps the owner's present template."""
    return template_hash.same_template(template_of(revision, owner), owner["spec"]["template"])


def renumbered(revision: Obj, value: int) -> Update:
    return Update({**revision, "revision": value})


def collision_count(owner: Obj) -> int | None:
    count = (owner.get("status") or {}).get("collisionCount")
    return None if count is None else int(count)


def present_hash(owner: Obj) -> str:
    """The hash of the owner's present template. No collision and none yet give the same. A StatefulSet's is the reference's own, of the
    bytes that the revision keeps; a DaemonSet's is not (theirs is of a Go struct as text), so the two never meet under one name."""
    template, collisions = owner["spec"]["template"], collision_count(owner) or 0
    if owner.get("kind") == "DaemonSet":
        return template_hash.template_hash(template, collisions or None)
    return _hash_of_bytes(_go_json(data_of(template)) + b"%d" % collisions)


def _go_json(data: Obj) -> bytes:
    """As Go's encoding/json writes it: keys in order, and what HTML would read escaped."""
    text = msgspec.json.encode(data, order="sorted")
    for char in (b"<", b">", b"&"):
        text = text.replace(char, b"\\u%04x" % ord(char))
    return text.replace("\u2028".encode(), b"\\u2028").replace("\u2029".encode(), b"\\u2029")


@lru_cache(maxsize=256)
def _hash_of_bytes(content: bytes) -> str:
    """FNV-1 of 32 bits, its decimal digits as letters (HashControllerRevision)."""
    found = 0x811C9DC5
    for byte in content:
        found = (found * 0x01000193 & 0xFFFFFFFF) ^ byte
    return template_hash.safe(str(found))


def new_revision(owner: Obj, value: int, hash_label: str) -> Obj:
    """A revision of the owner's present template; its hash is in its name and under `hash_label`."""
    template, code = owner["spec"]["template"], present_hash(owner)
    metadata: dict[str, Any] = {
        "name": f"{objects.name(owner)[:_LONGEST_PREFIX]}-{code}",
        "namespace": objects.namespace(owner),
        "labels": {**objects.labels({"metadata": template.get("metadata") or {}}), hash_label: code},
        "ownerReferences": [objects.controller_ref(owner)],
    }
    if notes := objects.annotations_of(owner):
        metadata["annotations"] = notes
    return {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "data": data_of(template), "revision": value}


def is_the_one(owner: Obj, existing: Obj) -> bool:
    """Whether a revision that has the name of a new one is what was to be created (then it is used), or another (a collision)."""
    if objects.is_deleting(existing) or not is_of(existing, owner):
        return False
    if objects.controller_of(existing) is not None:
        return objects.is_controlled_by(existing, owner)
    return ownership.matcher(owner["spec"]["selector"])(existing)


def after_collision(owner: Obj) -> Plan:
    """Another revision has the name: count it, so that the next try has another hash."""
    status = {**(owner.get("status") or {}), "collisionCount": (collision_count(owner) or 0) + 1}
    return Plan((Update({**owner, "status": status}, "status"),))


def beyond_limit(history: Sequence[Obj], limit: int) -> Sequence[Obj]:
    """The oldest of `history` (in order) that exceed the limit; a negative limit keeps all."""
    return history[: max(0, len(history) - limit)] if limit >= 0 else ()
