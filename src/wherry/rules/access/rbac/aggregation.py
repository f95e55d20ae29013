"""The rules of an aggregated ClusterRole: those of all ClusterRoles that its selectors choose.

Asked by the aggregation controller for each ClusterRole with an `aggregationRule`.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles;
pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj, labels, name
from wherry.rules.objects import selectors


def aggregated(role: Obj, all_roles: Iterable[Obj]) -> list[Obj]:
    """Selector by selector, in the order of the roles' names, each rule once."""
    ordered = sorted((r for r in all_roles if name(r) != name(role)), key=name)
    found: list[Obj] = []
    for chosen in role["aggregationRule"].get("clusterRoleSelectors") or ():
        selector = selectors.from_label_selector(chosen)
        for other in ordered:
            if selector.matches(labels(other)):
                found += [rule for rule in other.get("rules") or () if rule not in found]
    return found
