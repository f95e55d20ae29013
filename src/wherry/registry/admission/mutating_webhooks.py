"""MutatingWebhookConfiguration: webhooks asked one after the other, each about what the one before made of the object.

Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/;
k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/dispatcher.go.
"""

from __future__ import annotations

import msgspec

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.registry.admission import reinvocation
from wherry.registry.admission.mutating_policies import replace
from wherry.registry.admission.webhooks import Failed, Hook, Webhooks, internal
from wherry.registry.outside.calls import Outside
from wherry.registry.request import Request
from wherry.rules.admission.policies.evaluation import Seen
from wherry.rules.writing.patch import json_patch
from wherry.store.protocol import Store

_MUTATION = "mutation.webhook.admission.k8s.io/"
_FAILED_OPEN = "failed-open.mutation.webhook.admission.k8s.io/"


class MutatingAdmissionWebhooks(Webhooks):
    mutating = True
    tables = ("mutatingwebhookconfigurations.admissionregistration.k8s.io",)

    def __init__(self, store: Store, outside: Outside) -> None:
        super().__init__(store, outside, "mutatingwebhookconfigurations")

    async def admit(self, request: Request) -> None:
        """Raises what a webhook refuses with; InternalError when one fails that must not; BadRequest (dry run)."""
        if self.configured.empty:
            return
        state = reinvocation.of(request, "MutatingAdmissionWebhook")
        state.begin(request)
        for index, hook in enumerate(await self.hooks()):
            seen = await self.meant(hook, self.asked(request))
            if seen is None or state.skips(request, (hook.configuration, hook.name)):
                continue
            await self._ask(request, state, hook, seen, f"round_{request.round}_index_{index}")
        state.end(request)

    async def _ask(self, request: Request, state: reinvocation.Reinvocation, hook: Hook, seen: Seen, at: str) -> None:
        changed = False
        try:
            answer = await self.ask(hook, seen, request)
            changed = bool(answer.patch) and await self._patch(request, hook, seen, answer.patch or [])
        except Failed as error:
            if hook.fail:
                raise error.error() from None
            request.audit[_FAILED_OPEN + at] = hook.name
        finally:
            mutated = {"configuration": hook.configuration, "webhook": hook.name, "mutated": changed}
            request.audit[_MUTATION + at] = msgspec.json.encode(mutated).decode()
        if changed:
            state.changed(request)
        if hook.given.get("reinvocationPolicy") == "IfNeeded":
            state.asked.add((hook.configuration, hook.name))

    async def _patch(self, request: Request, hook: Hook, seen: Seen, operations: list[Obj]) -> bool:
        """Whether the object is another now. Raises InternalError."""
        if seen.obj is None:
            text = f'admission webhook "{hook.name}" attempted to modify the object, which is not supported for this operation'
            raise internal(text)
        try:
            patched = json_patch.apply(seen.obj, operations)
        except StatusError as error:
            raise internal(error.message) from None
        if patched == seen.obj:
            return False
        try:
            await replace(self, request, seen.resource, patched)
        except StatusError as error:
            raise internal(error.message) from None
        return True
