"""Deletes certificate signing requests that have served their purpose: issued, denied and failed ones after an hour, open ones after a day.

Source: pkg/controller/certificates/cleaner/cleaner.go, which looks every hour; here each request goes when its time is over.
"""

from __future__ import annotations

from wherry.controllers.csr_signing import REQUESTS
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.access.csr.cleaning import ends
from wherry.rules.objects.plan import Delete, Plan


class CSRCleanerController(Controller):
    """Its keys are names of requests."""

    name = "csrcleaner"
    workers = 1

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._requests = self.watch(REQUESTS)

    async def reconcile(self, key: str) -> float | None:
        request = self._requests.get(key)
        end = ends(request) if request is not None else None
        if request is None or end is None:
            return None
        left = end - self.clock.now()
        if left > 0:
            return left
        await self.apply(Plan((Delete(request),)))
        return None
