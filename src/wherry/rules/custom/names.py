"""The names of a custom kind: whether they are names, and which of them it may have beside the other kinds of its group.

`names_errors` is called by the validation of definitions, `accept` by the controller that accepts names. A name that another definition
of the group has is not accepted; all others are. Pure: the names in use are an argument.
Source: k8s.io/apiextensions-apiserver/pkg/controller/status/naming_controller.go, pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from wherry.api.field import Errors, child, index, invalid
from wherry.api.objects import Obj
from wherry.rules.custom import conditions
from wherry.rules.objects.names import dns1035_label

_MIXED = "may have mixed case, but should otherwise match: "


def names_errors(names: Obj, path: str) -> Errors:
    errors: Errors = []
    for part in ("plural", "singular", "kind", "listKind"):
        value, mixed = names.get(part) or "", part in ("kind", "listKind")
        messages = dns1035_label(value.lower() if mixed else value) if value else []
        if messages:
            errors.append(invalid(child(path, part), value, (_MIXED if mixed else "") + ",".join(messages)))
    errors += _each(names, "shortNames", path)
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        errors.append(invalid(child(path, "listKind"), names["listKind"], "kind and listKind may not be the same"))
    return errors + _each(names, "categories", path)


def _each(names: Obj, part: str, path: str) -> Errors:
    found = enumerate(names.get(part) or ())
    return [invalid(index(child(path, part), i), v, ",".join(messages)) for i, v in found if (messages := dns1035_label(v))]


class Taken(NamedTuple):
    """Names that are accepted in a group: plural, singular and short ones, and kinds."""

    resources: frozenset[str]
    kinds: frozenset[str]


def taken(definitions: Iterable[Obj]) -> Taken:
    """`definitions`: all of a group."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for each in definitions:
        accepted = (each.get("status") or {}).get("acceptedNames") or {}
        resources |= {accepted.get("plural", ""), accepted.get("singular", ""), *(accepted.get("shortNames") or ())}
        kinds |= {accepted.get("kind", ""), accepted.get("listKind", "")}
    return Taken(frozenset(resources), frozenset(kinds))


def accept(definition: Obj, used: Taken, now: str) -> Obj | None:
    """The status with what becomes of the names; None when nothing changes."""
    wanted, status = definition["spec"]["names"], definition["status"]
    accepted = status.get("acceptedNames") or {}
    names, reason, message = _accepted(wanted, accepted, used)
    condition = _condition("NamesAccepted", reason, message or "no conflicts found", now, good="NoConflicts")
    old = conditions.find(definition, "NamesAccepted")
    if names == accepted and old is not None and all(old.get(k) == condition[k] for k in ("status", "reason", "message")):
        return None
    found = conditions.put(status.get("conditions"), condition)
    return {**status, "acceptedNames": names, "conditions": conditions.put(found, _established(definition, bool(reason), now))}


def _condition(type_: str, reason: str, message: str, now: str, *, good: str) -> Obj:
    return conditions.make(type_, "False" if reason else "True", reason or good, message, now)


def _accepted(wanted: Obj, accepted: Obj, used: Taken) -> tuple[Obj, str, str]:
    """The names from now on, and, of the last one that is refused, reason and message."""
    names: dict[str, Any] = dict(accepted)
    reason = message = ""
    for part, pool, why in (
        ("plural", used.resources, "PluralConflict"),
        ("singular", used.resources, "SingularConflict"),
        ("shortNames", used.resources, "ShortNamesConflict"),
        ("kind", used.kinds, "KindConflict"),
        ("listKind", used.kinds, "ListKindConflict"),
    ):
        conflict = _conflict(wanted.get(part), accepted.get(part), pool)
        if conflict:
            reason, message = why, conflict
        else:
            names[part] = wanted.get(part)
    names["categories"] = wanted.get("categories")
    order = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
    return {"plural": "", "kind": ""} | {k: names[k] for k in order if names.get(k)}, reason, message


def _conflict(wanted: Any, accepted: Any, pool: frozenset[str]) -> str:
    if isinstance(wanted, list):
        own = set(accepted or ())
        found = [f'"{name}" is already in use' for name in wanted if name not in own and name in pool]
        return found[0] if len(found) == 1 else f"[{', '.join(found)}]" if found else ""
    return f'"{wanted}" is already in use' if wanted and wanted != accepted and wanted in pool else ""


def _established(definition: Obj, refused: bool, now: str) -> Obj:
    old = conditions.find(definition, "Established")
    if not (old is not None and old.get("status") == "True") and not refused:
        return conditions.make("Established", "False", "Installing", "the initial names have been accepted", now)
    return old or conditions.make("Established", "False", "NotAccepted", "not all names are accepted", now)


def establish(definition: Obj, now: str) -> Obj | None:
    """The status of a definition whose names were accepted, once it is served; None when it is so already, or cannot be."""
    if not conditions.is_true(definition, "NamesAccepted") or conditions.is_true(definition, "Established"):
        return None
    done = conditions.make("Established", "True", "InitialNamesAccepted", "the initial names have been accepted", now)
    status = definition["status"]
    return {**status, "conditions": conditions.put(status.get("conditions"), done)}
