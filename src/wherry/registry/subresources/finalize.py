"""The finalize subresource of namespaces: with the last of `spec.finalizers` gone the namespace goes.

Source: pkg/registry/core/namespace/storage (FinalizeREST), strategy.go (namespaceFinalizeStrategy).
"""

from __future__ import annotations

from wherry.api.options import Target
from wherry.registry.core import Core
from wherry.registry.results import Written
from wherry.registry.verbs.view import ObjectView, not_served
from wherry.registry.verbs.write import Write
from wherry.rules.kinds.core import finalize_namespace
from wherry.store.protocol import Record


class FinalizeView(ObjectView):
    """Only replaced."""

    async def read(self, core: Core, target: Target, resource_version: str = "") -> Record:
        raise not_served(target)

    async def patch(self, write: Write) -> Written:
        raise not_served(write.target)

    def prepare(self, write: Write) -> None:
        finalize_namespace(write.draft, write.old or {})
