"""What mutating and validating webhooks have in common: which are meant by a write, asking one, and what becomes of a failure.

Source: k8s.io/apiserver/pkg/admission/plugin/webhook/{generic/webhook,mutating/dispatcher,validating/dispatcher}.go.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from wherry.api import errors
from wherry.api.errors import BadRequest, InternalError
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.admission.dynamic import Configured, Dynamic
from wherry.registry.outside import targets
from wherry.registry.outside.calls import CallFailed, Outside
from wherry.registry.request import Operation, Request
from wherry.rules.admission.policies import expressions, review
from wherry.rules.admission.policies.asked import Asked
from wherry.rules.admission.policies.evaluation import Answers, Expression, Seen, bindings, conditions_hold
from wherry.rules.admission.policies.match import Criteria, exempt_from_webhooks, of_webhook
from wherry.rules.admission.policies.review import Answer, BadAnswer, UnknownPatch
from wherry.rules.admission.policies.validating import attempt
from wherry.rules.cel.errors import CelError
from wherry.store.protocol import Store

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook of one configuration, compiled."""

    configuration: str
    name: str
    given: Obj
    criteria: Criteria
    conditions: tuple[Expression, ...]

    @property
    def loops(self) -> bool:
        """A condition of it goes through lists or maps."""
        return any(condition.loops for condition in self.conditions)

    @property
    def fail(self) -> bool:
        return self.given.get("failurePolicy") != "Ignore"

    @property
    def seconds(self) -> int:
        return int(self.given.get("timeoutSeconds") or 10)


class Failed(Exception):
    """A webhook could not be asked, or its answer cannot be used: its failurePolicy decides. str() is the reference's text."""

    def __init__(self, hook: Hook, why: str) -> None:
        super().__init__(f'failed calling webhook "{hook.name}": {why}')

    def error(self) -> InternalError:
        return internal(str(self))


def internal(text: str) -> InternalError:
    return InternalError(f"Internal error occurred: {text}", {"causes": [{"message": text}]})


def compile_configuration(obj: Obj) -> tuple[Hook, ...]:
    scope = expressions.Scope()
    made: list[Hook] = []
    for given in obj.get("webhooks") or ():
        conditions = [attempt(c["expression"], lambda e: expressions.compiled(e, scope)) for c in given.get("matchConditions") or ()]
        made.append(Hook(obj["metadata"]["name"], given.get("name") or "", given, of_webhook(given), tuple(conditions)))
    return tuple(made)


class Webhooks(Dynamic):
    """The base of both plug-ins; `mutating` is the one difference in what an answer may say."""

    mutating = False

    def __init__(self, store: Store, outside: Outside, plural: str) -> None:
        super().__init__(store, outside)
        self.configured = Configured(store, plural, compile_configuration)

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return not exempt_from_webhooks(resource)

    async def each(self, resource: Resource, namespace: str) -> bool:
        if self.configured.empty or exempt_from_webhooks(resource):
            return False
        return any(self.might_match(hook.criteria.include or (), "CREATE", resource) for hook in await self.hooks())

    async def hooks(self) -> list[Hook]:
        """Of all configurations, in the order of their names."""
        return [hook for configuration in await self.configured.all() for hook in configuration]

    async def meant(self, hook: Hook, asked: Asked) -> Seen | None:
        """The write as the hook sees it, None when it is not meant. Raises Forbidden when its conditions cannot be told."""
        if hook.criteria.include is None or (row := await self.matched(hook.criteria, asked)) is None:
            return None
        seen = await self.seen(asked, row)
        if not hook.conditions:
            return seen
        answers: Answers = {}
        try:
            holds = await self.answered(
                asked.user, answers, lambda: conditions_hold(hook.conditions, bindings(seen, answers), fail=hook.fail), loops=hook.loops
            )
        except CelError as error:
            raise errors.forbidden(asked.resource.group_resource, asked.name, error.message) from None
        return seen if holds else None

    async def ask(self, hook: Hook, seen: Seen, request: Request) -> Answer:
        """Raises Failed; BadRequest for a dry run that the webhook does not support; StatusError when it denies."""
        if request.dry_run and hook.given.get("sideEffects") not in ("None", "NoneOnDryRun"):
            raise BadRequest(f'admission webhook "{hook.name}" does not support dry run')
        question = review.question(seen, self.core.new_uid(), hook.given.get("admissionReviewVersions") or ())
        if question is None:
            raise Failed(hook, "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)")
        answer = await self._answer(hook, question)
        request.audit.update({f"{hook.name}/{key}": value for key, value in answer.annotations.items()})
        request.warnings.extend(answer.warnings)
        if not answer.allowed:
            raise review.denied(hook.name, answer.result)
        return answer

    async def _answer(self, hook: Hook, question: Obj) -> Answer:
        if self.outside.call is None:
            raise Failed(hook, "failed to call webhook: this registry has no way to reach webhooks")
        try:
            call = await targets.call(self.store, hook.given.get("clientConfig") or {}, _encode(question), hook.seconds)
            body = await self.outside.call(call)
        except CallFailed as error:
            raise Failed(hook, f"failed to call webhook: {error}") from None
        try:
            return review.answer(body, question, mutating=self.mutating)
        except UnknownPatch as error:
            raise Failed(hook, str(error)) from None
        except BadAnswer as error:
            raise Failed(hook, f"received invalid webhook response: {error}") from None
