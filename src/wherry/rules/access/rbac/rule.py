"""One policy rule: what it says, and whether it allows a request.

Made from the `rules` of Roles and ClusterRoles by `policy`, compared by `covers`.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources; pkg/apis/rbac/v1/evaluation_helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.access.rbac.request import Attributes, quoted

Texts = tuple[str, ...]


class Rule(NamedTuple):
    """The five lists of a PolicyRule."""

    verbs: Texts = ()
    groups: Texts = ()
    resources: Texts = ()
    names: Texts = ()
    urls: Texts = ()

    def to_json(self) -> Obj:
        lists = zip(("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"), self, strict=True)
        return {name: list(values) for name, values in lists if values}

    def __str__(self) -> str:
        """The short form in messages about escalation."""
        parts = (("APIGroups", self.groups), ("Resources", self.resources), ("NonResourceURLs", self.urls),
                 ("ResourceNames", self.names), ("Verbs", self.verbs))  # fmt: skip
        return "{" + ", ".join(f"{name}:[{' '.join(map(quoted, values))}]" for name, values in parts if values) + "}"


FULL_AUTHORITY = (Rule(("*",), ("*",), ("*",)), Rule(("*",), urls=("*",)))


def parse(rules: Iterable[Obj] | None) -> tuple[Rule, ...]:
    """The `rules` of a role."""
    return tuple(
        Rule(
            tuple(rule.get("verbs") or ()),
            tuple(rule.get("apiGroups") or ()),
            tuple(rule.get("resources") or ()),
            tuple(rule.get("resourceNames") or ()),
            tuple(rule.get("nonResourceURLs") or ()),
        )
        for rule in rules or ()
    )


def allows(rule: Rule, asked: Attributes) -> bool:
    if asked.verb not in rule.verbs and "*" not in rule.verbs:
        return False
    if not asked.resource:
        return any(url_covers(url, asked.path) for url in rule.urls)
    if asked.group not in rule.groups and "*" not in rule.groups:
        return False
    if rule.names and asked.name not in rule.names:
        return False
    return _has_resource(rule.resources, asked.resource, asked.subresource)


def _has_resource(resources: Texts, resource: str, subresource: str) -> bool:
    if "*" in resources:
        return True
    if not subresource:
        return resource in resources
    return f"{resource}/{subresource}" in resources or f"*/{subresource}" in resources


def url_covers(pattern: str, path: str) -> bool:
    """A pattern is a path, or a prefix of paths that ends in `*`."""
    return pattern == path or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))
