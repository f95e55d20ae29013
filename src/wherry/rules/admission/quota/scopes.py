"""The scopes of a quota: which objects it is about. `scopes` and `scopeSelector` together, all must hold.

Source: generic/evaluator.go getScopeSelectorsFromQuota; ScopedResourceSelectorRequirementsAsSelector.
"""

from __future__ import annotations

from collections.abc import Collection

from wherry.api.objects import Obj


def requirements(quota: Obj) -> list[Obj]:
    spec = quota.get("spec") or {}
    listed: list[Obj] = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    return listed + list((spec.get("scopeSelector") or {}).get("matchExpressions") or ())


def holds(requirement: Obj, names: Collection[str]) -> bool:
    """Of an object that carries these names (of its priority class, its volume attributes classes) under the scope's key.

    An object with several names is selected when one of them is.
    """
    values = requirement.get("values") or ()
    match requirement.get("operator", ""):
        case "Exists":
            return bool(names)
        case "DoesNotExist":
            return not names
        case "In":
            return any(name in values for name in names)
        case "NotIn":
            return not names or any(name not in values for name in names)
        case _:
            return False
