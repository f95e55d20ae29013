"""What both kinds of admission policies share: policies of one table, each with the bindings of another that put it to use."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any, NamedTuple

from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.admission.dynamic import Configured, Dynamic
from wherry.registry.outside.calls import Outside
from wherry.rules.admission.policies.asked import Asked
from wherry.rules.admission.policies.match import Criteria, exempt_from_policies, of_match
from wherry.store.protocol import Store


class Binding(NamedTuple):
    name: str
    policy: str
    criteria: Criteria | None
    ref: Obj | None
    actions: tuple[str, ...]


def compile_binding(obj: Obj) -> Binding:
    spec = obj.get("spec") or {}
    match = spec.get("matchResources")
    return Binding(
        obj["metadata"]["name"],
        spec.get("policyName") or "",
        None if match is None else of_match(match),
        spec.get("paramRef"),
        tuple(spec.get("validationActions") or ()),
    )


class Problem(NamedTuple):
    """Why a policy refuses; `binding` is empty when the policy itself is at fault."""

    policy: str
    binding: str
    message: str
    reason: str = ""


class BoundPolicies(Dynamic):
    def __init__(self, store: Store, outside: Outside, policies: str, bindings: str, compile_policy: Callable[[Obj], Any]) -> None:
        super().__init__(store, outside)
        self._policies = Configured(store, policies, compile_policy)
        self._bindings = Configured(store, bindings, compile_binding)

    @property
    def empty(self) -> bool:
        """Nothing is put to use."""
        return self._policies.empty or self._bindings.empty

    async def each(self, resource: Resource, namespace: str) -> bool:
        if self.empty or exempt_from_policies(resource):
            return False
        return any(self.might_match(policy.criteria.include or (), "CREATE", resource) for policy in await self._policies.all())

    async def bound(self, asked: Asked) -> AsyncGenerator[tuple[Any, Resource, list[Binding]], None]:
        """The policies that match, by name, each with the row it matched as and its bindings. Raises NotFound (the namespace)."""
        bindings: list[Binding] | None = None
        for policy in await self._policies.all():
            row = await self.matched(policy.criteria, asked)
            if row is None:
                continue
            if bindings is None:
                bindings = await self._bindings.all()
            if own := [b for b in bindings if b.policy == policy.name]:
                yield policy, row, own
