"""Fills in the rules of aggregated ClusterRoles (`admin`, `edit`, `view`) whenever any ClusterRole changes.

Source: pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj, name
from wherry.api.options import APPLY_PATCH, WriteOptions
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.access.rbac.aggregation import aggregated
from wherry.rules.access.rbac.defaults import API_VERSION, GROUP

CLUSTER_ROLES = resource("clusterroles", GROUP)


class ClusterRoleAggregationController(Controller):
    """Its keys are names of ClusterRoles that have an aggregation rule."""

    name = "clusterrole-aggregation-controller"
    workers = 1

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._aggregated: set[str] = set()
        self._roles = self.watch(CLUSTER_ROLES, self._all)

    def _all(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """Who selects whom is not kept: any change may concern every aggregated role."""
        if new is not None and new.get("aggregationRule"):
            self._aggregated.add(name(new))
        elif old is not None:
            self._aggregated.discard(name(old))
        return tuple(self._aggregated)

    async def reconcile(self, key: str) -> float | None:
        role = self._roles.get(key)
        if role is None or not role.get("aggregationRule"):
            return None
        rules = aggregated(role, self._roles.items())
        if rules == (role.get("rules") or []):
            return None
        wanted = {"apiVersion": API_VERSION, "kind": "ClusterRole", "metadata": {"name": key}, "rules": rules}
        options = WriteOptions(field_manager=self.name, force=True)
        written = await self.parts.client.patch(CLUSTER_ROLES, "", key, wanted, APPLY_PATCH, options=options)
        self.parts.informers.absorb(CLUSTER_ROLES, written)
        return None
