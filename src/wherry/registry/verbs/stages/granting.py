"""PUT and apply of an object that is not there create it: for that the requester needs the verb `create` as well.

Source: k8s.io/apiserver/pkg/endpoints/handlers/update.go (withAuthorization); the text: handlers/responsewriters/errors.go.
"""

from __future__ import annotations

from wherry.registry.verbs.write import Write
from wherry.rules.access.rbac.request import Attributes, refusal


async def may_create(write: Write) -> None:
    """Raises Forbidden. A plain create was allowed before it came here, and a registry without a server in front asks nobody."""
    decide = write.core.outside.decide
    if not write.creates_on_update or decide is None:
        return
    from wherry.rules.cel.libraries.authorizer import Question

    row, target = write.row, write.target
    asked = Question("create", None, "", row.group, row.plural, target.subresource, target.namespace, target.name)
    decision = await decide(write.user, asked)
    if not decision.allowed:
        of = Attributes("create", "", row.group, row.version, row.plural, target.subresource, target.namespace, target.name)
        raise refusal(write.user, of, decision.reason)
