"""The server's authorizer for admission: what an expression asks (`authorizer.group('apps')...`), answered like any request.

Given to the registry by the server. Source: k8s.io/apiserver/pkg/cel/library/authz.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from wherry.api.options import User
from wherry.rules.access.rbac.request import Attributes
from wherry.server.authorization import Authorizer

if TYPE_CHECKING:
    from wherry.rules.cel.libraries.authorizer import Decision, Question


def deciding(authorizer: Authorizer) -> Callable[[User, Question], Awaitable[Decision]]:
    async def decide(user: User, question: Question) -> Decision:
        from wherry.rules.cel.libraries.authorizer import Decision

        q = question
        asked = (
            Attributes(q.verb, path=q.path)
            if q.path
            else Attributes(q.verb, "", q.group, "*", q.resource, q.subresource, q.namespace, q.name, q.field_selector)
        )
        found = await authorizer.decide(user, asked)
        return Decision(found.allowed, found.reason)

    return decide
