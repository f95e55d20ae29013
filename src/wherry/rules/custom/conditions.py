"""Conditions of a CustomResourceDefinition, each where it first stood.

Called by the rules of this package and by the controllers of definitions. Gives new lists.
Source: k8s.io/apiextensions-apiserver/pkg/apihelpers/helpers.go SetCRDCondition.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj


def make(type_: str, status: str, reason: str, message: str, time: str) -> Obj:
    return {"type": type_, "status": status, "lastTransitionTime": time, "reason": reason, "message": message}


def put(conditions: Iterable[Obj] | None, new: Obj) -> list[Obj]:
    """The list with `new` in it; its time only moves when its status does."""
    found: list[Obj] = []
    there = False
    for current in conditions or ():
        if current.get("type") != new["type"]:
            found.append(current)
            continue
        there = True
        same = current.get("status") == new["status"] and current.get("lastTransitionTime")
        found.append({**current, **new, "lastTransitionTime": current["lastTransitionTime"] if same else new["lastTransitionTime"]})
    return found if there else [*found, new]


def find(definition: Obj, type_: str) -> Obj | None:
    return next((c for c in (definition.get("status") or {}).get("conditions") or () if c.get("type") == type_), None)


def is_true(definition: Obj, type_: str) -> bool:
    found = find(definition, type_)
    return found is not None and found.get("status") == "True"
