"""The audit policy: how much is recorded of which request.

Read once from a file when the server starts, asked once per request. The first rule that matches decides; without one nothing is recorded.
Source: https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy; k8s.io/apiserver/pkg/audit/policy/checker.go, reader.go;
pkg/apis/audit/validation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from wherry.api import field
from wherry.api.field import Errors, child, index
from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.rules.access.rbac.request import Attributes
from wherry.rules.access.rbac.rule import url_covers
from wherry.rules.objects.names import dns1123_subdomain

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
API_VERSION = "audit.k8s.io/v1"
_RULE = ("level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages", "omitManagedFields")


class PolicyError(ValueError):
    """A policy that cannot be used; the message says why."""


class Recording(NamedTuple):
    """What is recorded of a request. `level` is an index of LEVELS."""

    level: int = 0
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False


NOTHING = Recording()


class Group(NamedTuple):
    """Resources of a group; none named means all."""

    group: str
    resources: tuple[str, ...]
    names: frozenset[str]


class _Rule(NamedTuple):
    recording: Recording
    users: frozenset[str]
    groups: frozenset[str]
    verbs: frozenset[str]
    resources: tuple[Group, ...]
    namespaces: frozenset[str]
    urls: tuple[str, ...]


class Policy:
    def __init__(self, policy: Obj) -> None:
        """Raises PolicyError."""
        _check(policy)
        everywhere = frozenset(policy.get("omitStages") or ())
        self._rules = [_compiled(rule, everywhere, bool(policy.get("omitManagedFields"))) for rule in policy["rules"]]

    def recording(self, user: User | None, asked: Attributes) -> Recording:
        return next((rule.recording for rule in self._rules if _matches(rule, user, asked)), NOTHING)


def _compiled(rule: Obj, everywhere: frozenset[str], without_fields: bool) -> _Rule:
    fields = rule.get("omitManagedFields")
    recording = Recording(
        LEVELS.index(rule["level"]),
        everywhere | frozenset(rule.get("omitStages") or ()),
        without_fields if fields is None else bool(fields),
    )
    groups = tuple(
        Group(g.get("group") or "", tuple(g.get("resources") or ()), frozenset(g.get("resourceNames") or ()))
        for g in rule.get("resources") or ()
    )
    users, user_groups, verbs, namespaces = (frozenset(rule.get(k) or ()) for k in ("users", "userGroups", "verbs", "namespaces"))
    return _Rule(recording, users, user_groups, verbs, groups, namespaces, tuple(rule.get("nonResourceURLs") or ()))


def _matches(rule: _Rule, user: User | None, asked: Attributes) -> bool:
    if rule.users and (user is None or user.name not in rule.users):
        return False
    if rule.groups and (user is None or rule.groups.isdisjoint(user.groups)):
        return False
    if rule.verbs and asked.verb not in rule.verbs:
        return False
    if rule.namespaces or rule.resources:
        return _matches_resource(rule, asked)
    if rule.urls:
        return not asked.resource and any(url_covers(url, asked.path) for url in rule.urls)
    return True


def _matches_resource(rule: _Rule, asked: Attributes) -> bool:
    if not asked.resource or (rule.namespaces and asked.namespace not in rule.namespaces):
        return False
    return not rule.resources or any(_in_group(group, asked) for group in rule.resources)


def _in_group(group: Group, asked: Attributes) -> bool:
    if group.group not in (asked.group, "*"):
        return False
    if not group.resources:
        return True
    if group.names and asked.name not in group.names:
        return False
    forms = {"*", f"{asked.resource}/*", f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource}
    if asked.subresource:
        forms.add(f"*/{asked.subresource}")
    return not forms.isdisjoint(group.resources)


def _check(policy: Any) -> None:
    if not isinstance(policy, dict) or policy.get("kind") != "Policy" or policy.get("apiVersion") != API_VERSION:
        raise PolicyError(f"not a Policy of {API_VERSION}")
    rules = policy.get("rules")
    if not isinstance(rules, list) or not rules:
        raise PolicyError("loaded illegal policy with 0 rules")
    errors = _stages(policy, "omitStages")
    for i, rule in enumerate(rules):
        if not isinstance(rule, dict) or (unknown := sorted(set(rule) - set(_RULE))):
            raise PolicyError(f"rules[{i}]: unknown field {unknown[0]!r}" if isinstance(rule, dict) else f"rules[{i}]: not a rule")
        errors += _rule_errors(rule, index("rules", i))
    if errors:
        texts = [f"{e.field}: {e.message}" for e in errors]
        raise PolicyError(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")


def _rule_errors(rule: Obj, path: str) -> Errors:
    level = rule.get("level") or ""
    errors: Errors = []
    if not level:
        errors.append(field.required(child(path, "level")))
    elif level not in LEVELS:
        errors.append(field.not_supported(child(path, "level"), level, LEVELS))
    urls = rule.get("nonResourceURLs") or []
    errors += _urls(urls, child(path, "nonResourceURLs"))
    errors += _groups(rule.get("resources") or (), child(path, "resources"))
    errors += _stages(rule, child(path, "omitStages"))
    if urls and (rule.get("resources") or rule.get("namespaces")):
        why = "rules cannot apply to both regular resources and non-resource URLs"
        errors.append(field.invalid(child(path, "nonResourceURLs"), urls, why))
    return errors


def _urls(urls: list[str], path: str) -> Errors:
    errors: Errors = []
    for i, url in enumerate(urls):
        if url != "*" and not url.startswith("/"):
            errors.append(field.invalid(index(path, i), url, "non-resource URL rules must begin with a '/' character"))
        if "*" in url[:-1]:
            errors.append(field.invalid(index(path, i), url, "non-resource URL wildcards '*' must be the final character of the rule"))
    return errors


def _groups(groups: Iterable[Obj], path: str) -> Errors:
    errors: Errors = []
    for group in groups:
        name = group.get("group") or ""
        if name not in ("", "*") and (wrong := dns1123_subdomain(name)):
            errors.append(field.invalid(child(path, "group"), name, ",".join(wrong)))
        if group.get("resourceNames") and not group.get("resources"):
            why = "using resourceNames requires at least one resource"
            errors.append(field.invalid(child(path, "resourceNames"), group["resourceNames"], why))
    return errors


def _stages(holder: Obj, path: str) -> Errors:
    why = f"allowed stages are {','.join(STAGES)}"
    stages = holder.get("omitStages") or ()
    return [field.invalid(index(path, i), stage, why) for i, stage in enumerate(stages) if stage not in STAGES]
