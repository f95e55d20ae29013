"""Connections to pods, Services and nodes: what admission says of one before it is made.

Called by the server for exec, attach, port-forward and proxies. The operation is CONNECT, and what is looked at are the options of the
connection, an object of their own kind.
Source: k8s.io/apiserver/pkg/endpoints/handlers/rest.go ConnectResource; pkg/apis/core/v1/defaults.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.options import Target, User
from wherry.registry.core import Core
from wherry.registry.request import Request


async def admit(core: Core, target: Target, options: Obj, user: User) -> Obj:
    """The options, as admission leaves them. Raises what it refuses with."""
    draft = {**options}
    row = target.resource
    request = Request("CONNECT", row, target.subresource, target.namespace, target.name, draft, None, user, False, asked=row)
    await core.admission.admit(request)
    await core.admission.validate(request)
    return request.draft
