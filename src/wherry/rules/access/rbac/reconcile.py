"""What must be done so that a default role or binding is there and grants at least what it should.

Asked at every start for each default object. Rules, subjects and selectors that somebody added stay; an object whose annotation
`rbac.authorization.kubernetes.io/autoupdate` is "false" is left alone; a binding to another role is made anew.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation;
k8s.io/component-helpers/auth/rbac/reconciliation.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from wherry.api.objects import Obj
from wherry.rules.access.rbac.covers import missing
from wherry.rules.access.rbac.defaults import AUTO_UPDATE
from wherry.rules.access.rbac.rule import parse


class Step(NamedTuple):
    """`obj` is what is to be written (for "recreate" after the old one is deleted)."""

    what: Literal["nothing", "create", "update", "recreate"]
    obj: Obj


def step(expected: Obj, existing: Obj | None) -> Step:
    if existing is None:
        return Step("create", expected)
    meta = existing["metadata"]
    if (meta.get("annotations") or {}).get(AUTO_UPDATE) == "false":
        return Step("nothing", existing)
    if "roleRef" in expected and expected["roleRef"] != existing.get("roleRef"):
        return Step("recreate", expected)
    draft = {**existing, "metadata": _with_marks(expected["metadata"], meta)}
    draft = _with_subjects(expected, draft) if "roleRef" in expected else _with_selectors(expected, _with_rules(expected, draft))
    return Step("nothing", existing) if draft == existing else Step("update", draft)


def _with_marks(expected: Obj, meta: Obj) -> Obj:
    """What is there wins over what is expected."""
    merged = {name: {**expected.get(name, {}), **(meta.get(name) or {})} for name in ("annotations", "labels")}
    return {**meta, **{name: values for name, values in merged.items() if values}}


def _with_subjects(expected: Obj, draft: Obj) -> Obj:
    there = draft.get("subjects") or []
    lacking = [s for s in expected.get("subjects", []) if s not in there]
    return {**draft, "subjects": [*there, *lacking]} if lacking else draft


def _with_rules(expected: Obj, draft: Obj) -> Obj:
    if draft.get("rules") == expected["rules"]:
        return draft
    lacking = missing(parse(draft.get("rules")), parse(expected["rules"]))
    return {**draft, "rules": [*(draft.get("rules") or []), *(rule.to_json() for rule in lacking)]} if lacking else draft


def _with_selectors(expected: Obj, draft: Obj) -> Obj:
    wanted: Any = (expected.get("aggregationRule") or {}).get("clusterRoleSelectors")
    if wanted is None:
        return {k: v for k, v in draft.items() if k != "aggregationRule"}
    there = (draft.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
    lacking = [s for s in wanted if s not in there]
    return {**draft, "aggregationRule": {"clusterRoleSelectors": [*there, *lacking]}} if lacking else draft
