"""The token cleaner: deletes bootstrap tokens when they end.

Watches Secrets; only those of its kind in kube-system are its own. Source: pkg/controller/bootstrap/tokencleaner.go.
"""

from __future__ import annotations

from wherry.api.errors import NotFound
from wherry.api.objects import is_deleting
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts
from wherry.rules.access.tokens import bootstrap
from wherry.rules.objects.plan import Delete, Plan

SECRETS = resource("secrets")


class TokenCleaner(Controller):
    """Its keys are those of Secrets."""

    name = "token-cleaner-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._secrets = self.watch(SECRETS)

    async def reconcile(self, key: str) -> float | None:
        found = self._secrets.get(key)
        if found is None or found.get("type") != bootstrap.TYPE or not key.startswith(f"{bootstrap.NAMESPACE}/"):
            return None
        at, now = bootstrap.ends(found), self.clock.now()
        if at is None or is_deleting(found):
            return None
        if at > now:
            return at - now
        applied = await self.apply(Plan((Delete(found),)))
        if applied.error is not None and not isinstance(applied.error, NotFound):
            raise applied.error
        return None
