"""DefaultIngressClass: an Ingress that asks for no class gets the default one, if there is one.

Source: plugin/pkg/admission/network/defaultingressclass.
"""

from __future__ import annotations

from wherry.api.resources import Resource
from wherry.registry.admission.default_classes import default_class
from wherry.registry.request import Operation, Request
from wherry.store.protocol import Store

MARK = "ingressclass.kubernetes.io/is-default-class"
OLD_CLASS = "kubernetes.io/ingress.class"


class DefaultIngressClass:
    def __init__(self, store: Store) -> None:
        self._store = store

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "CREATE" and resource.group_resource == "ingresses.networking.k8s.io" and not subresource

    async def admit(self, request: Request) -> None:
        ingress = request.draft
        spec = ingress.get("spec") or {}
        if spec.get("ingressClassName") is not None or OLD_CLASS in (ingress["metadata"].get("annotations") or {}):
            return
        if name := await default_class(self._store, "ingressclasses.networking.k8s.io", (MARK,)):
            ingress["spec"] = {**spec, "ingressClassName": name}
