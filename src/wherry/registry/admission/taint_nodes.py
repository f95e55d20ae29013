"""TaintNodesByCondition: a node begins with the taint of one that is not ready, so that no pod gets there before it is.

The node lifecycle controller takes it off. Source: plugin/pkg/admission/nodetaint.
"""

from __future__ import annotations

from wherry.api.resources import Resource
from wherry.registry.request import Operation, Request

NOT_READY = "node.kubernetes.io/not-ready"


class TaintNodesByCondition:
    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "CREATE" and resource.group_resource == "nodes" and not subresource

    async def admit(self, request: Request) -> None:
        spec = request.draft.get("spec") or {}
        taints = spec.get("taints") or []
        if not any(t.get("key") == NOT_READY and t.get("effect") == "NoSchedule" for t in taints):
            request.draft["spec"] = {**spec, "taints": [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]}
