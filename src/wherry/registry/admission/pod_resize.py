"""PodResizeValidator: a pod on a node may not grow beyond what the node has to give.

Source: plugin/pkg/admission/podresize.
"""

from __future__ import annotations

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.request import Operation, Request
from wherry.rules.pods.requests import of_spec
from wherry.store.protocol import Store


class PodResizeValidator:
    def __init__(self, store: Store) -> None:
        self._store = store

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "UPDATE" and resource.group_resource == "pods" and subresource == "resize"

    async def validate(self, request: Request) -> None:
        """Raises Forbidden."""
        pod, old = request.draft, request.old or {}
        name = pod["spec"].get("nodeName", "")
        if not name or pod["metadata"].get("generation") == old["metadata"].get("generation"):
            return
        record = await self._store.get(f"nodes/{name}")
        if record is None:
            raise request.forbidden(f'node "{name}" not found')
        node: Obj = record.object()
        system = (node["metadata"].get("labels") or {}).get("kubernetes.io/os", "linux")
        if system != "linux":
            text = f'pod resize is only supported on linux nodes, node "{name}" is "{system}"'
            raise _refused(request, text, "UnsupportedPlatform")
        if short := _short(pod, (node.get("status") or {}).get("allocatable") or {}):
            raise _refused(request, f"node didn't have enough allocatable resources: {'; '.join(short)}", "NodeCapacity")


def _refused(request: Request, text: str, reason: str) -> Exception:
    error = request.forbidden(text)
    error.details = {**(error.details or {}), "causes": [{"reason": reason}]}
    return error


def _short(pod: Obj, allocatable: Obj) -> list[str]:
    asked = of_spec(pod["spec"])
    there = {"cpu": quantity.milli(allocatable.get("cpu", "0")), "memory": quantity.to_int(allocatable.get("memory", "0"))}
    return [f"{n}, requested: {asked[n]}, allocatable: {there[n]}" for n in there if asked.get(n, 0) > there[n]]
