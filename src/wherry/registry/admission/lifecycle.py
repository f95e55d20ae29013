"""NamespaceLifecycle: nothing is created in a namespace that is missing or going, and the first namespaces stay.

Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#namespacelifecycle
"""

from __future__ import annotations

from wherry.api import errors
from wherry.api.errors import Forbidden
from wherry.api.objects import is_deleting
from wherry.api.resources import Resource
from wherry.registry.request import Operation, Request
from wherry.store.protocol import Store

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
_REVIEWS = frozenset({"localsubjectaccessreviews", "subjectaccessreviews", "selfsubjectaccessreviews"})


class NamespaceLifecycle:
    def __init__(self, store: Store) -> None:
        self._store = store

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        if resource.group_resource == "namespaces":
            return operation == "DELETE"
        return operation == "CREATE" and resource.namespaced and resource.plural not in _REVIEWS

    async def admit(self, request: Request) -> None:
        """Raises NotFound for a missing namespace, Forbidden for one that is terminating or may not be deleted."""
        if request.operation == "DELETE":
            if request.name in IMMORTAL:
                raise errors.forbidden("namespaces", request.name, "this namespace may not be deleted")
            return
        record = await self._store.get(f"namespaces/{request.namespace}")
        if record is None:
            raise errors.not_found("namespaces", request.namespace)
        if is_deleting(record.object()):
            raise _terminating(request)


def _terminating(request: Request) -> Forbidden:
    why = f"unable to create new content in namespace {request.namespace} because it is being terminated"
    error = request.forbidden(why)
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {request.namespace} is being terminated",
        "field": "metadata.namespace",
    }
    error.details = {**(error.details or {}), "causes": [cause]}
    return error
