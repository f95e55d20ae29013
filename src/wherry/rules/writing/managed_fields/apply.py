"""Server-side apply: the live object and a configuration to the merged object, with who owns which field.

Called by the registry for an apply patch, before defaulting and admission; the registry checks name, namespace and resourceVersion.
What the applier said last time, says no more, and nobody else owns, is removed. A field that another manager owns and that would change
is a conflict, unless forced. Inputs are not changed.
Source: KEP-555; structured-merge-diff merge/update.go (Apply), k8s.io/apimachinery/pkg/util/managedfields/internal.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.api.errors import BadRequest, StatusError
from wherry.api.objects import Obj
from wherry.api.schema import Node
from wherry.rules.writing.managed_fields import conflicts as conflicting
from wherry.rules.writing.managed_fields import entries as listed
from wherry.rules.writing.managed_fields import last_applied
from wherry.rules.writing.managed_fields.entries import Entry, Identity
from wherry.rules.writing.managed_fields.field_set import of_object, with_named
from wherry.rules.writing.managed_fields.merge import merge, remove
from wherry.rules.writing.managed_fields.reset import Reset, of_kind
from wherry.rules.writing.managed_fields.sets import EMPTY, Set, difference, intersection, of_paths, union
from wherry.rules.writing.managed_fields.track import changes, created, own
from wherry.rules.writing.managed_fields.types import Type, of_node, zero
from wherry.rules.writing.managed_fields.validate import errors

BEFORE_FIRST_APPLY = "before-first-apply"

_NEVER = of_paths(
    ("f:apiVersion",), ("f:kind",), ("f:metadata",),
    *(("f:metadata", f"f:{name}") for name in (
        "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields", "resourceVersion",
    )),
)  # fmt: skip


class _Application(NamedTuple):
    """One apply: what does not change on the way."""

    who: Identity
    api_version: str
    type_: Type
    reset: Reset
    time: str
    force: bool


def group_version_kind(api_version: str, kind: str) -> str:
    """As Go prints one; what is no group and version is none of both, and no kind either."""
    if api_version.count("/") > 1:
        return "/, Kind="
    group, slash, version = api_version.partition("/")
    return f"{group if slash else ''}/{version if slash else group}, Kind={kind}"


def _check(applied: Obj, node: Node | None, api_version: str, kind: str) -> None:
    said = (_text(applied.get("apiVersion")), _text(applied.get("kind")))
    if said != (api_version, kind):
        raise BadRequest(f"invalid object type: {group_version_kind(*said)}")
    meta = applied.get("metadata") or {}
    if isinstance(meta, dict) and meta.get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")
    wrong = errors(applied, node) if node is not None else ""
    if wrong:
        raise StatusError(f"failed to create typed patch object ({subject(applied)}): {wrong}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def subject(applied: Obj) -> str:
    """The applied object as messages name it."""
    meta = applied.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    which = group_version_kind(_text(applied.get("apiVersion")), _text(applied.get("kind")))
    return f"{_text(meta.get('namespace'))}/{_text(meta.get('name'))}; {which}"


def apply_patch(
    live: Obj | None,
    applied: Obj,
    *,
    node: Node | None,
    manager: str,
    force: bool,
    api_version: str,
    kind: str,
    time: str,
    subresource: str = "",
    reset: Reset | None = None,
) -> Obj:
    """`applied` merged into `live` (None: there is none yet), managedFields included; to be defaulted again by the caller.

    When nothing but ownership changed the object keeps its content and the entry its time. Raises BadRequest, Conflict, StatusError (500).
    """
    _check(applied, node, api_version, kind)
    type_ = of_node(node)
    act = _Application(
        (manager or "unknown", "Apply", "", subresource), api_version, type_,
        of_kind(api_version, kind, subresource) if reset is None else reset, time, force,
    )  # fmt: skip
    start = live if live is not None else {"apiVersion": api_version, "kind": kind, "metadata": {}, **zero(type_)}
    owners = _owners(start, act, existed=live is not None)
    current = _without_entries(start)
    try:
        merged, owners = _apply(current, applied, owners, act)
    except _Conflicting as conflict:
        merged, owners = _despite(conflict.found, current, applied, owners, act)
    merged = last_applied.updated(merged, applied) if manager == last_applied.MANAGER else merged
    return _with_entries(merged, list(owners.values()))


class _Conflicting(Exception):
    def __init__(self, found: conflicting.Conflicts) -> None:
        super().__init__()
        self.found = found


def _without_entries(obj: Obj) -> Obj:
    meta = obj["metadata"]
    if "managedFields" not in meta:
        return obj
    return {**obj, "metadata": {k: v for k, v in meta.items() if k != "managedFields"}}


def _with_entries(obj: Obj, entries: list[Entry]) -> Obj:
    if not entries:
        return obj
    return {**obj, "metadata": {**obj["metadata"], "managedFields": listed.in_order(entries)}}


def _owners(live: Obj, act: _Application, *, existed: bool) -> dict[Identity, Entry]:
    """Who owns what before: for an object that nobody tracked, one entry that owns all of it."""
    try:
        entries = listed.decode(listed.stored(live))
    except listed.Broken as broken:
        raise StatusError(f"failed to decode managed fields: {broken}") from None
    if not entries and existed:
        everything = created(live, act.type_, act.reset)
        first: Identity = (BEFORE_FIRST_APPLY, "Update", act.api_version, act.who[3])
        entries = own([], first, act.api_version, everything, EMPTY, act.time)
    return {listed.identity(entry): entry for entry in entries}


def _apply(live: Obj, applied: Obj, owners: dict[Identity, Entry], act: _Application) -> tuple[Obj, dict[Identity, Entry]]:
    named = act.reset.filter(of_object(applied, act.type_))  # with the name and kind, which keep their parents from being pruned
    said = difference(named, _NEVER)
    last = listed.fields_of(owners[act.who]) if act.who in owners else EMPTY
    merged: Obj = merge(live, applied, act.type_)
    claims = [named, *(listed.fields_of(entry) for who, entry in owners.items() if who != act.who)]
    pruned = _prune(merged, last, claims, act.type_) if last else merged
    changed, removed = changes(live, pruned, act.type_, act.reset)
    conflicts = {
        who: both
        for who, entry in owners.items()
        if who != act.who and (both := intersection(listed.fields_of(entry), changed))
    }  # fmt: skip
    if conflicts and not act.force:
        raise _Conflicting(conflicts)
    # an apply that leaves the object as it is does not move the time
    before = owners.get(act.who)
    time = (before or {}).get("time", "") if pruned == live else act.time
    return (live if pruned == live else pruned), _reassigned(owners, said, union(changed, removed), time, act)


def _reassigned(owners: dict[Identity, Entry], said: Set, lost: Set, time: str, act: _Application) -> dict[Identity, Entry]:
    """The applier owns what it said; everyone else loses what changed or went."""
    after: dict[Identity, Entry] = {}
    for who, entry in owners.items():
        if who == act.who:
            continue
        again = listed.with_fields(entry, difference(listed.fields_of(entry), lost))
        if again is not None:
            after[who] = again
    if said:
        after[act.who] = listed.make(act.who, act.api_version, said, time)
    return after


def _prune(merged: Obj, last: Set, claims: list[Set], type_: Type) -> Obj:
    """Without what the applier said last time and nobody claims now."""
    last_named = with_named(last, type_)
    everything = with_named(of_object(merged, type_), type_)
    first: Any = remove(merged, last_named, type_)
    managed: Set = EMPTY
    for claim in claims:
        managed = union(managed, claim)
    kept = union(_named_set(first, type_), with_named(managed, type_))
    owned: Any = remove(merged, difference(everything, kept), type_)
    gone = intersection(difference(everything, _named_set(owned, type_)), last_named)
    pruned: Obj = remove(merged, gone, type_, final=True) or {}
    return pruned


def _named_set(value: Any, type_: Type) -> Set:
    return with_named(of_object(value, type_), type_) if isinstance(value, dict) else EMPTY


def _despite(
    found: conflicting.Conflicts, live: Obj, applied: Obj, owners: dict[Identity, Entry], act: _Application
) -> tuple[Obj, dict[Identity, Entry]]:
    """kubectl may take over what its own client-side apply set; every other conflict is the answer."""
    if act.who[0] != last_applied.MANAGER:
        raise conflicting.error(found) from None
    allowed = last_applied.allowed(live, act.api_version, act.type_)
    left = {who: rest for who, tree in found.items() if (rest := difference(tree, allowed))}
    if left:
        raise conflicting.error(left) from None
    return _apply(live, applied, owners, act._replace(force=True))
