"""Whether what somebody may do includes what they want to grant: nobody hands out more than they have.

Asked by the registry before roles and bindings are written by somebody who may not escalate, and when default roles are reconciled.
A set of rules is taken apart into its smallest grants; each must lie within one rule of the owner.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping;
k8s.io/component-helpers/auth/rbac/validation; pkg/registry/rbac/validation/policy_compact.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wherry.rules.access.rbac.rule import Rule, url_covers


def missing(owned: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """The smallest grants of `wanted` that no rule of `owned` includes."""
    return [grant for rule in wanted for grant in _grants(rule) if not any(_includes(own, grant) for own in owned)]


def _grants(rule: Rule) -> Iterator[Rule]:
    for group in rule.groups:
        for resource in rule.resources:
            for verb in rule.verbs:
                for name in rule.names or ("",):
                    yield Rule((verb,), (group,), (resource,), (name,) if rule.names else ())
    for url in rule.urls:
        for verb in rule.verbs:
            yield Rule((verb,), urls=(url,))


def _includes(own: Rule, grant: Rule) -> bool:
    if grant.verbs[0] not in own.verbs and "*" not in own.verbs:
        return False
    if grant.urls:
        return any(url_covers(pattern, grant.urls[0]) for pattern in own.urls) and not own.names
    if grant.groups[0] not in own.groups and "*" not in own.groups:
        return False
    if own.names and (not grant.names or grant.names[0] not in own.names):
        return False
    return _includes_resource(own.resources, grant.resources[0])


def _includes_resource(own: Sequence[str], resource: str) -> bool:
    if "*" in own or resource in own:
        return True
    _, slash, subresource = resource.partition("/")
    return bool(slash) and f"*/{subresource}" in own


def compact(rules: Iterable[Rule]) -> list[Rule]:
    """Rules about the same one resource become one rule with all their verbs; order is of no meaning."""
    found: list[Rule] = []
    simple: dict[Rule, list[str]] = {}
    for rule in rules:
        if len(rule.names) > 1 or rule.urls or len(rule.groups) != 1 or len(rule.resources) != 1:
            found.append(rule)
        else:
            simple.setdefault(rule._replace(verbs=()), []).extend(rule.verbs)
    return found + [rule._replace(verbs=tuple(verbs)) for rule, verbs in simple.items()]
