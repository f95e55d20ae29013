"""The ServiceAccount `default` in every active namespace: made with the namespace, made again when somebody deletes it.

Source: pkg/controller/serviceaccount/serviceaccounts_controller.go;
https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#serviceaccount-controller.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import AlreadyExists
from wherry.api.objects import Obj, name, namespace
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.objects.plan import Create, Plan
from wherry.rules.workloads.replicaset.replicas import is_namespace_terminating

NAME = "default"


class ServiceAccountController(Controller):
    """Its keys are names of namespaces."""

    name = "serviceaccount-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._namespaces = self.watch(resource("namespaces"), _living)
        self._accounts = self.watch(resource("serviceaccounts"), _deleted)

    async def reconcile(self, key: str) -> float | None:
        found = self._namespaces.get(key)
        if found is None or (found.get("status") or {}).get("phase") != "Active" or self._accounts.get(f"{key}/{NAME}") is not None:
            return None
        applied = await self.apply(Plan((Create(_account(key)),)))
        error = applied.error
        if error is not None and not isinstance(error, AlreadyExists) and not is_namespace_terminating(error):
            raise error
        return None


def _account(namespace: str) -> Obj:
    return {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": NAME, "namespace": namespace}}


def _living(old: Obj | None, new: Obj | None) -> Iterable[str]:
    return (name(new),) if new is not None else ()


def _deleted(old: Obj | None, new: Obj | None) -> Iterable[str]:
    return (namespace(old),) if new is None and old is not None else ()
