"""ValidatingAdmissionPolicy: policies with bindings refuse, warn about, or annotate a write, by expressions.

Source: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/;
k8s.io/apiserver/pkg/admission/plugin/policy/validating/dispatcher.go.
"""

from __future__ import annotations

from contextlib import aclosing

import msgspec

from wherry.api.errors import Forbidden
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.admission.bound_policies import Binding, BoundPolicies, Problem
from wherry.registry.admission.policy_params import Misconfigured, collect, kind_of
from wherry.registry.outside.calls import Outside
from wherry.registry.request import Operation, Request
from wherry.rules.admission.policies.asked import Asked
from wherry.rules.admission.policies.evaluation import Answers
from wherry.rules.admission.policies.match import exempt_from_policies
from wherry.rules.admission.policies.validating import Decision, Outcome, Policy, compile_policy
from wherry.store.protocol import Store

_CODES = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}
_FAILURE = "validation.policy.admission.k8s.io/validation_failure"


class ValidatingAdmissionPolicies(BoundPolicies):
    tables = ("validatingadmissionpolicybindings.admissionregistration.k8s.io",)

    def __init__(self, store: Store, outside: Outside) -> None:
        super().__init__(store, outside, "validatingadmissionpolicies", "validatingadmissionpolicybindings", compile_policy)

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return not exempt_from_policies(resource)

    async def validate(self, request: Request) -> None:
        """Raises a StatusError with the reason of the first validation that does not hold; NotFound (the namespace)."""
        if self.empty:
            return
        asked = self.asked(request)
        refusals: list[Problem] = []
        async with aclosing(self.bound(asked)) as found:
            async for policy, row, bound in found:
                refusals += await self._asked(request, asked, policy, bound, row)
        if refusals:
            raise _refused(request, refusals[0])

    async def _asked(self, request: Request, asked: Asked, policy: Policy, bound: list[Binding], row: Resource) -> list[Problem]:
        try:
            params_of = kind_of(self, policy.param_kind) if policy.param_kind else None
        except Misconfigured as error:
            return [Problem(policy.name, "", f"failed to configure policy: {error}")] if policy.fail else []
        refusals: list[Problem] = []
        annotated: dict[str, list[str]] = {}
        answers: Answers = {}
        for binding in bound:
            if binding.criteria is not None and await self.matched(binding.criteria, asked) is None:
                continue
            try:
                params = await collect(self, params_of, binding.ref, asked.where)
            except Misconfigured as error:
                if policy.fail:
                    refusals.append(Problem(policy.name, binding.name, f"failed to configure binding: {error}"))
                continue
            for param in params:
                outcome = await self._outcome(asked, policy, row, param, answers)
                refusals += _judged(request, policy, binding, outcome)
                for key, value in outcome.annotations:
                    if value not in annotated.setdefault(key, []):
                        annotated[key].append(value)
        request.audit.update({f"{policy.name}/{key}": ", ".join(values) for key, values in annotated.items()})
        return refusals

    async def _outcome(self, asked: Asked, policy: Policy, row: Resource, param: Obj | None, answers: Answers) -> Outcome:
        own = asked.resource.group_resource == "namespaces"
        namespace = await self.namespace(asked.namespace) if asked.namespace and not own else None
        seen = await self.seen(asked, row, namespace, param)
        return await self.answered(asked.user, answers, lambda: policy.outcome(seen, answers), loops=policy.loops)


def _judged(request: Request, policy: Policy, binding: Binding, outcome: Outcome) -> list[Problem]:
    """What the binding's actions make of an outcome: refusals, warnings, an audit annotation."""
    refusals: list[Problem] = []
    for decision in outcome.denied:
        for action in binding.actions:
            if action == "Deny":
                refusals.append(Problem(policy.name, binding.name, decision.message, decision.reason))
            elif action == "Warn":
                request.warnings.append(
                    f"Validation failed for ValidatingAdmissionPolicy '{policy.name}' with binding '{binding.name}': {decision.message}"
                )
            elif action == "Audit":
                request.audit.setdefault(_FAILURE, _failure(policy, binding, decision))
    refusals += [Problem(policy.name, binding.name, failed.message) for failed in outcome.failed]
    return refusals


def _failure(policy: Policy, binding: Binding, decision: Decision) -> str:
    value = {
        "message": decision.message,
        "policy": policy.name,
        "binding": binding.name,
        "expressionIndex": decision.index,
        "validationActions": list(binding.actions),
    }
    return msgspec.json.encode([value]).decode()


def _refused(request: Request, refusal: Problem) -> Forbidden:
    bound = f" with binding '{refusal.binding}'" if refusal.binding else ""
    message = f"ValidatingAdmissionPolicy '{refusal.policy}'{bound} denied request: {refusal.message}"
    error = request.forbidden(message)
    error.reason = refusal.reason or "Invalid"
    error.code = _CODES.get(error.reason, 422)
    error.details = {**(error.details or {}), "causes": [{"message": message}]}
    return error
