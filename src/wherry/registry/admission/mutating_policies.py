"""MutatingAdmissionPolicy: policies with bindings change an object that is created or updated, by expressions.

Source: https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/;
k8s.io/apiserver/pkg/admission/plugin/policy/{mutating,generic}.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import NamedTuple

from wherry.api.errors import Forbidden
from wherry.api.objects import Obj
from wherry.api.options import WriteOptions
from wherry.api.resources import SUBRESOURCE_KINDS, Resource
from wherry.api.schema import Node, definition
from wherry.registry.admission import reinvocation
from wherry.registry.admission.bound_policies import Binding, BoundPolicies, Problem
from wherry.registry.admission.dynamic import Dynamic, is_scale
from wherry.registry.admission.policy_params import Misconfigured, collect, kind_of
from wherry.registry.outside.calls import Outside
from wherry.registry.request import Operation, Request
from wherry.registry.versions import bodies
from wherry.rules.admission.policies.asked import Asked
from wherry.rules.admission.policies.evaluation import Answers, Seen, bindings, conditions_hold
from wherry.rules.admission.policies.match import exempt_from_policies
from wherry.rules.admission.policies.mutating import Mutation, Policy, compile_policy
from wherry.rules.cel.errors import CelError
from wherry.rules.writing.managed_fields.types import of_node
from wherry.store.protocol import Store

_LENIENT = WriteOptions(field_validation="Ignore")


class _Invocation(NamedTuple):
    policy: Policy
    binding: Binding
    row: Resource
    param: Obj | None

    @property
    def key(self) -> tuple[str, str, str, str]:
        meta = (self.param or {}).get("metadata") or {}
        return self.policy.name, self.binding.name, meta.get("namespace", ""), meta.get("name", "")


class MutatingAdmissionPolicies(BoundPolicies):
    tables = ("mutatingadmissionpolicybindings.admissionregistration.k8s.io",)

    def __init__(self, store: Store, outside: Outside) -> None:
        super().__init__(store, outside, "mutatingadmissionpolicies", "mutatingadmissionpolicybindings", compile_policy)

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation in ("CREATE", "UPDATE") and not exempt_from_policies(resource)

    async def admit(self, request: Request) -> None:
        """Raises Forbidden when a policy whose failures count cannot be applied; NotFound (the namespace)."""
        if self.empty:
            return
        problems: list[Problem] = []
        invocations = await self._invocations(self.asked(request), problems)
        if invocations:
            state = reinvocation.of(request, "MutatingAdmissionPolicy")
            state.begin(request)
            answers: Answers = {}
            for invocation in invocations:
                await self._invoke(request, invocation, state, answers, problems)
            if request.reinvoke:
                state.changed(request)
            state.end(request)
        if problems:
            raise _refused(request, problems)

    async def _invocations(self, asked: Asked, problems: list[Problem]) -> list[_Invocation]:
        found: list[_Invocation] = []
        async with aclosing(self.bound(asked)) as policies:
            async for policy, row, bound in policies:
                found += await self._of_policy(asked, policy, row, bound, problems)
        return found

    async def _of_policy(
        self, asked: Asked, policy: Policy, row: Resource, bound: list[Binding], problems: list[Problem]
    ) -> list[_Invocation]:
        try:
            params_of = kind_of(self, policy.param_kind) if policy.param_kind else None
        except Misconfigured as error:
            if policy.fail:
                problems.append(Problem(policy.name, "", f"failed to configure policy: {error}"))
            return []
        found: list[_Invocation] = []
        for binding in bound:
            if binding.criteria is not None and await self.matched(binding.criteria, asked) is None:
                continue
            try:
                params = await collect(self, params_of, binding.ref, asked.where)
            except Misconfigured as error:
                if policy.fail:
                    problems.append(Problem(policy.name, binding.name, f"failed to configure binding: {error}"))
                continue
            found += [_Invocation(policy, binding, row, param) for param in params]
        return found

    async def _invoke(
        self, request: Request, invocation: _Invocation, state: reinvocation.Reinvocation, answers: Answers, problems: list[Problem]
    ) -> None:
        policy, binding = invocation.policy, invocation.binding
        try:
            if not await self._holds(request, invocation, answers) or state.skips(request, invocation.key):
                return
        except CelError as error:
            if policy.fail:
                problems.append(Problem(policy.name, binding.name, error.message, "Invalid"))
            return
        for mutation in policy.mutations:
            try:
                await self._mutate(request, invocation, mutation, answers)
            except CelError as error:
                if policy.fail:
                    problems.append(Problem(policy.name, binding.name, error.message, "Invalid"))
                continue
            state.changed(request)
        if policy.again:
            state.asked.add(invocation.key)

    async def _seen(self, request: Request, invocation: _Invocation, *, namespace: bool) -> Seen:
        asked = self.asked(request)
        own = asked.resource.group_resource == "namespaces"
        found = await self.namespace(asked.namespace) if namespace and asked.namespace and not own else None
        return await self.seen(asked, invocation.row, found, invocation.param)

    async def _holds(self, request: Request, invocation: _Invocation, answers: Answers) -> bool:
        policy = invocation.policy
        if not policy.conditions:
            return True
        seen = await self._seen(request, invocation, namespace=False)
        return await self.answered(
            request.user,
            answers,
            lambda: conditions_hold(policy.conditions, bindings(seen, answers, policy.variables), fail=policy.fail),
            loops=policy.loops,
        )

    async def _mutate(self, request: Request, invocation: _Invocation, mutation: Mutation, answers: Answers) -> None:
        """One mutation, decoded and defaulted, in the place of the draft. Raises CelError."""
        row, policy = invocation.row, invocation.policy
        seen = await self._seen(request, invocation, namespace=True)
        type_ = of_node(_node(row, request.subresource))
        patched = await self.answered(request.user, answers, lambda: policy.mutate(mutation, seen, answers, type_), loops=policy.loops)
        await replace(self, request, row, patched)


def _node(row: Resource, subresource: str) -> Node:
    """The schema of what is changed: of a subresource with a kind of its own, that kind's."""
    kind = SUBRESOURCE_KINDS.get(subresource)
    if kind is None or row.custom is not None:
        return row.node
    group, version, name = kind
    return definition(f"io.k8s.api.{group.partition('.')[0] or 'core'}.{version}.{name}")


async def replace(plugin: Dynamic, request: Request, row: Resource, patched: Obj) -> None:
    """What a policy or webhook made of the object becomes the draft. Raises StatusError when it is no object of its kind."""
    if is_scale(request):
        request.draft["spec"] = {**request.draft["spec"], "replicas": (patched.get("spec") or {}).get("replicas", 0)}
        return
    # a Binding, an Eviction, options of a connection: taken as it is, and checked by who asked
    if request.subresource in SUBRESOURCE_KINDS or request.operation == "CONNECT":
        request.draft.clear()
        request.draft.update(patched)
        return
    draft, _ = bodies.draft(plugin.core, row, patched, _LENIENT)
    shown = await plugin.shown(draft, request.resource) if row.custom is not None else draft
    assert shown is not None
    metadata = request.draft["metadata"]  # stays the same dict: who called admission holds it
    metadata.clear()
    metadata.update(shown["metadata"])
    request.draft.clear()
    request.draft.update(shown, metadata=metadata)


def _text(problem: Problem) -> str:
    if problem.binding:
        return f"policy '{problem.policy}' with binding '{problem.binding}' denied request: {problem.message}"
    return f'policy "{problem.policy}" denied request: {problem.message}'


def _refused(request: Request, problems: list[Problem]) -> Forbidden:
    texts = [_text(problem) for problem in problems]
    error = request.forbidden("admission request denied by policy")
    details = {**(error.details or {}), "causes": [{"message": text} for text in texts]}
    return Forbidden(texts[0], details, reason=problems[0].reason or error.reason)
