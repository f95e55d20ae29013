"""Strategies of Role, ClusterRole and their bindings.

Read by the registry through `STRATEGIES`; that nobody hands out more than he has is the registry's check, not validation's.
Source: pkg/apis/rbac/validation/validation.go, pkg/apis/rbac/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.field import Errors, child, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_subdomain, path_segment_name
from wherry.rules.objects.strategy import Strategy
from wherry.rules.schema.validation.labels import label_selector

GROUP = "rbac.authorization.k8s.io"
_KINDS = ("ServiceAccount", "User", "Group")


def _default_role(draft: Obj) -> None:
    """`rules` is there even when there are none."""
    if not draft.get("rules"):
        draft["rules"] = None


def _default_binding(draft: Obj) -> None:
    ref = draft.setdefault("roleRef", {})
    if not ref.get("apiGroup"):
        ref["apiGroup"] = GROUP
    for subject in draft.get("subjects") or ():
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = GROUP


def _rule(rule: Obj, namespaced: bool, path: str) -> Errors:
    errors: Errors = [] if rule.get("verbs") else [required(child(path, "verbs"), "verbs must contain at least one value")]
    if urls := rule.get("nonResourceURLs"):
        at = child(path, "nonResourceURLs")
        if namespaced:
            errors.append(invalid(at, urls, "namespaced rules cannot apply to non-resource URLs"))
        if any(rule.get(k) for k in ("apiGroups", "resources", "resourceNames")):
            errors.append(invalid(at, urls, "rules cannot apply to both regular resources and non-resource URLs"))
        return errors
    if not rule.get("apiGroups"):
        errors.append(required(child(path, "apiGroups"), "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(child(path, "resources"), "resource rules must supply at least one resource"))
    return errors


def _role(obj: Obj) -> Errors:
    return [e for i, rule in enumerate(obj.get("rules") or ()) for e in _rule(rule, True, index("rules", i))]


def _cluster_role(obj: Obj) -> Errors:
    errors = [e for i, rule in enumerate(obj.get("rules") or ()) for e in _rule(rule, False, index("rules", i))]
    aggregation, path = obj.get("aggregationRule"), "aggregationRule.clusterRoleSelectors"
    if aggregation is None:
        return errors
    selectors = aggregation.get("clusterRoleSelectors") or []
    if not selectors:
        errors.append(required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil"))
    return errors + [e for i, selector in enumerate(selectors) for e in label_selector(selector, index(path, i))]


def _subject(subject: Obj, namespaced: bool, path: str) -> Errors:
    name, kind, group = subject.get("name") or "", subject.get("kind", ""), subject.get("apiGroup") or ""
    errors: Errors = [] if name else [required(child(path, "name"))]
    if kind not in _KINDS:
        return [*errors, not_supported(child(path, "kind"), kind, _KINDS)]
    if kind != "ServiceAccount":
        return errors if group == GROUP else [*errors, not_supported(child(path, "apiGroup"), group, (GROUP,))]
    if name:
        errors += [invalid(child(path, "name"), name, m) for m in dns1123_subdomain(name)]
    if group:
        errors.append(not_supported(child(path, "apiGroup"), group, ("",)))
    if not namespaced and not subject.get("namespace"):
        errors.append(required(child(path, "namespace")))
    return errors


def _binding(namespaced: bool) -> Callable[[Obj], Errors]:
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)

    def validate(obj: Obj) -> Errors:
        ref = obj.get("roleRef") or {}
        group, kind, name = ref.get("apiGroup", ""), ref.get("kind", ""), ref.get("name") or ""
        errors: Errors = [] if group == GROUP else [not_supported("roleRef.apiGroup", group, (GROUP,))]
        if kind not in kinds:
            errors.append(not_supported("roleRef.kind", kind, kinds))
        errors += [invalid("roleRef.name", name, m) for m in path_segment_name(name)] if name else [required("roleRef.name")]
        return errors + [e for i, s in enumerate(obj.get("subjects") or ()) for e in _subject(s, namespaced, index("subjects", i))]

    return validate


def _same_role(new: Obj, old: Obj) -> Errors:
    ref, before = new.get("roleRef") or {}, old.get("roleRef") or {}
    if ref == before:
        return []
    shown = {"APIGroup": ref.get("apiGroup", ""), "Kind": ref.get("kind", ""), "Name": ref.get("name", "")}
    return [invalid("roleRef", shown, "cannot change roleRef")]


def _of_binding(namespaced: bool) -> Strategy:
    return Strategy(
        default=_default_binding,
        validate=_binding(namespaced),
        validate_update=_same_role,
        revalidate="before",
        name_rule="path",
        create_on_update=True,
    )


STRATEGIES: dict[str, Strategy] = {
    f"Role.{GROUP}": Strategy(default=_default_role, validate=_role, revalidate="before", name_rule="path", create_on_update=True),
    f"ClusterRole.{GROUP}": Strategy(
        default=_default_role, validate=_cluster_role, revalidate="before", name_rule="path", create_on_update=True
    ),
    f"RoleBinding.{GROUP}": _of_binding(True),
    f"ClusterRoleBinding.{GROUP}": _of_binding(False),
}
