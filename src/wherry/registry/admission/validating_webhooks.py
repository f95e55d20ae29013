"""ValidatingWebhookConfiguration: all webhooks that are meant are asked at the same time; any may refuse.

Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/;
k8s.io/apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go.
"""

from __future__ import annotations

import asyncio

from wherry.registry.admission.webhooks import Failed, Hook, Webhooks
from wherry.registry.outside.calls import Outside
from wherry.registry.request import Request
from wherry.rules.admission.policies.evaluation import Seen
from wherry.store.protocol import Store

_FAILED_OPEN = "failed-open.validating.webhook.admission.k8s.io/"


class ValidatingAdmissionWebhooks(Webhooks):
    tables = ("validatingwebhookconfigurations.admissionregistration.k8s.io",)

    def __init__(self, store: Store, outside: Outside) -> None:
        super().__init__(store, outside, "validatingwebhookconfigurations")

    async def validate(self, request: Request) -> None:
        """Raises the refusal of the first webhook that refuses, in their order; InternalError when one fails that must not."""
        if self.configured.empty:
            return
        asked = self.asked(request)
        meant: list[tuple[Hook, Seen]] = []
        for hook in await self.hooks():
            seen = await self.meant(hook, asked)
            if seen is not None:
                meant.append((hook, seen))
        if not meant:
            return
        outcomes = await asyncio.gather(
            *(self._ask(request, hook, seen, f"round_0_index_{i}") for i, (hook, seen) in enumerate(meant)), return_exceptions=True
        )
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _ask(self, request: Request, hook: Hook, seen: Seen, at: str) -> None:
        try:
            await self.ask(hook, seen, request)
        except Failed as error:
            if hook.fail:
                raise error.error() from None
            request.audit[_FAILED_OPEN + at] = hook.name
