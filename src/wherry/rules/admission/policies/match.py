"""Whether a policy or webhook is meant by a write: rules on resources, selectors of namespaces and objects, match policy.

Called per write for every policy and webhook there is, so criteria are compiled once per version of their configuration.
Source: k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/{rules,namespace,object}, plugin/policy/matching/matching.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.rules.admission.policies.asked import Asked
from wherry.rules.objects.selectors import Selector, from_label_selector

_GROUP = "admissionregistration.k8s.io"
#: writing these decides about others: what may refuse them is never asked (they could not be repaired)
_REVIEWS = frozenset({
    "selfsubjectreviews.authentication.k8s.io", "tokenreviews.authentication.k8s.io",
    "localsubjectaccessreviews.authorization.k8s.io", "selfsubjectaccessreviews.authorization.k8s.io",
    "selfsubjectrulesreviews.authorization.k8s.io", "subjectaccessreviews.authorization.k8s.io",
})  # fmt: skip


def exempt_from_webhooks(resource: Resource) -> bool:
    return resource.group == _GROUP


def exempt_from_policies(resource: Resource) -> bool:
    return resource.group == _GROUP or resource.group_resource in _REVIEWS


@dataclass(frozen=True, slots=True)
class Criteria:
    """`include` None: every resource. `exact`: other versions of a resource are other resources."""

    namespaces: Selector
    objects: Selector
    include: tuple[Mapping[str, Any], ...] | None
    exclude: tuple[Mapping[str, Any], ...] = ()
    exact: bool = False

    def resource(self, asked: Asked, equivalents: Iterable[Resource]) -> Resource | None:
        """The version of the resource in which the rules mean this write, None when they do not."""
        others = () if self.exact else equivalents
        if self.exclude and _first(self.exclude, asked, others) is not None:
            return None
        return asked.resource if self.include is None else _first(self.include, asked, others)

    def wants_namespace(self, asked: Asked) -> bool:
        """Whether the labels of the write's namespace decide."""
        return not self.namespaces.empty and bool(asked.where)

    def selects(self, asked: Asked) -> bool:
        """Whether the object, or what it was, has the labels asked for."""
        if self.objects.empty:
            return True
        return any(self.objects.matches(_labels(o)) for o in (asked.obj, asked.old) if o is not None)


def of_webhook(hook: Obj) -> Criteria:
    exact = hook.get("matchPolicy") == "Exact"
    return Criteria(_selector(hook, "namespaceSelector"), _selector(hook, "objectSelector"), tuple(hook.get("rules") or ()), (), exact)


def of_match(match: Obj | None) -> Criteria:
    """Of matchConstraints of a policy, or matchResources of a binding."""
    match = match or {}
    rules = tuple(match.get("resourceRules") or ())
    return Criteria(
        _selector(match, "namespaceSelector"),
        _selector(match, "objectSelector"),
        rules or None,
        tuple(match.get("excludeResourceRules") or ()),
        match.get("matchPolicy") == "Exact",
    )


def _selector(match: Obj, name: str) -> Selector:
    return from_label_selector(match.get(name) or {})


def _labels(obj: Obj) -> Mapping[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}


def _first(rules: tuple[Mapping[str, Any], ...], asked: Asked, others: Iterable[Resource]) -> Resource | None:
    if any(rule_matches(rule, asked, asked.resource) for rule in rules):
        return asked.resource
    rest = [row for row in others if row is not asked.resource]
    return next((row for rule in rules for row in rest if rule_matches(rule, asked, row)), None)


def rule_matches(rule: Mapping[str, Any], asked: Asked, row: Resource) -> bool:
    """One rule, the request taken as one for `row`."""
    return (
        _in_scope(rule.get("scope") or "*", asked)
        and _has(rule.get("operations"), asked.operation)
        and _has(rule.get("apiGroups"), row.group)
        and _has(rule.get("apiVersions"), row.version)
        and any(_names(resource, row.plural, asked.subresource) for resource in rule.get("resources") or ())
        and (not rule.get("resourceNames") or asked.name in rule["resourceNames"])
    )


def may_match(rule: Mapping[str, Any], operation: str, row: Resource) -> bool:
    """Whether a rule could mean a write of this kind at all, whatever its object and namespace."""
    return (
        _has(rule.get("operations"), operation)
        and _has(rule.get("apiGroups"), row.group)
        and any(_names(resource, row.plural, "") for resource in rule.get("resources") or ())
    )


def _has(items: Iterable[str] | None, wanted: str) -> bool:
    return any(item in ("*", wanted) for item in items or ())


def _names(pattern: str, plural: str, subresource: str) -> bool:
    resource, _, sub = pattern.partition("/")
    return resource in ("*", plural) and sub in ("*", subresource)


def _in_scope(scope: str, asked: Asked) -> bool:
    if scope == "*":
        return True
    namespaced = bool(asked.namespace) and asked.resource.namespaced
    return namespaced if scope == "Namespaced" else not namespaced
