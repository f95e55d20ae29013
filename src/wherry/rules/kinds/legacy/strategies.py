"""How writes in the old versions differ: dependents stay when an object is deleted, and the beta1 versions let a selector change.

Asked by the registry for the version of a request. Source: pkg/registry/apps/*/strategy.go of Kubernetes v1.15
(DefaultGarbageCollectionPolicy, ValidateUpdate).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wherry.api.field import Errors
from wherry.api.legacy_resources import LEGACY, WITH_ROLLBACK
from wherry.api.objects import Obj
from wherry.rules.kinds.workloads import STRATEGIES
from wherry.rules.objects.strategy import Strategy
from wherry.rules.schema.validation.metadata import IMMUTABLE


def _selector_may_change(rule: Callable[[Obj, Obj], Errors]) -> Callable[[Obj, Obj], Errors]:
    def check(new: Obj, old: Obj) -> Errors:
        return [e for e in rule(new, old) if e.field != "spec.selector" or not e.message.endswith(IMMUTABLE)]

    return check


def _made(api_version: str, kind: str) -> Strategy:
    now = STRATEGIES[f"{kind}.apps"]
    if api_version in WITH_ROLLBACK and kind != "StatefulSet":
        now = replace(now, validate_update=_selector_may_change(now.validate_update))
    return replace(now, default_propagation="Orphan")


_STRATEGIES = {(row.api_version, row.kind): _made(row.api_version, row.kind) for row in LEGACY}


def strategy(api_version: str, kind: str) -> Strategy | None:
    """None of a version of today."""
    return _STRATEGIES.get((api_version, kind))
