"""What a component may do: asked by its client before every request, so that roles hold for the parts inside as for everybody.

The authorizers are the server's. That something is allowed for every name of a kind is kept until a role or binding changes; a component
does the same few things over and over, so a request costs one look into a set. Raises Forbidden, in the words of the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.api.options import Target, User
from wherry.api.resources import Resource
from wherry.registry.rbac.stored import StoredPolicy
from wherry.rules.access.rbac.request import Attributes

if TYPE_CHECKING:
    from wherry.registry.registry import Registry
    from wherry.server.authorization import Authorizer


class Rights:
    """Of one user."""

    def __init__(self, user: User, authorizer: Authorizer, policy: StoredPolicy) -> None:
        self._user, self._authorizer, self._policy = user, authorizer, policy
        self._allowed: set[tuple[str, Resource, str, str]] = set()
        self._version = -1

    def known(self, verb: str, target: Target) -> bool:
        """Whether it is known to be allowed; else it must be asked."""
        if self._version != self._policy.version:
            self._allowed.clear()
            self._version = self._policy.version
        return (verb, target.resource, target.subresource, target.namespace) in self._allowed

    async def ask(self, verb: str, target: Target, fields: str = "") -> None:
        """Raises Forbidden. `fields`: the field selector of a list or watch."""
        version, row = self._policy.version, target.resource
        namespace = target.name if row.plural == "namespaces" and not row.group else target.namespace
        asked = Attributes(verb, "", row.group, row.version, row.plural, target.subresource, namespace, "", fields)
        if not fields and not (namespace and row.plural == "namespaces") and (await self._authorizer.decide(self._user, asked)).allowed:
            if version == self._version == self._policy.version:
                self._allowed.add((verb, row, target.subresource, target.namespace))
            return
        asked = asked._replace(name=target.name)
        decision = await self._authorizer.decide(self._user, asked)
        if not decision.allowed:
            from wherry.server.authorization import refusal

            raise refusal(self._user, asked, decision.reason)


def rights(registry: Registry, user: User) -> Rights | None:
    """None for members of `system:masters`, who may do everything."""
    from wherry.server.authorization import MASTERS, FirstThatAllows, Rbac
    from wherry.server.authorization_node import Nodes

    if MASTERS in user.groups:
        return None
    return Rights(user, FirstThatAllows([Nodes(registry.store), Rbac(registry.policy)]), registry.policy)
