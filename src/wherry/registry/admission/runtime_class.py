"""RuntimeClass: a pod's overhead is that of its class, and it runs where its class can.

Source: plugin/pkg/admission/runtimeclass; KEP-688 (pod overhead), KEP-585.
"""

from __future__ import annotations

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.request import Operation, Request
from wherry.store.protocol import Store

_DIFFERS = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
_WITHOUT = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"


class RuntimeClass:
    def __init__(self, store: Store) -> None:
        self._store = store

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "CREATE" and resource.group_resource == "pods" and not subresource

    async def admit(self, request: Request) -> None:
        """Raises Forbidden when the class is missing, or the pod contradicts it."""
        spec = request.draft["spec"]
        if spec.get("runtimeClassName") is None:
            return
        found = await self._class(request, spec["runtimeClassName"])
        fixed = (found.get("overhead") or {}).get("podFixed")
        if found.get("overhead") is not None:
            if spec.get("overhead") and not _same(spec["overhead"], fixed or {}):
                raise request.forbidden(_DIFFERS)
            if fixed:
                spec["overhead"] = dict(fixed)
        _schedule(request, spec, found.get("scheduling") or {})

    async def validate(self, request: Request) -> None:
        """Raises Forbidden for an overhead that is not the class's."""
        spec = request.draft["spec"]
        name, given = spec.get("runtimeClassName"), spec.get("overhead")
        if name is None:
            if given is not None:
                raise request.forbidden(_WITHOUT)
            return
        overhead = (await self._class(request, name)).get("overhead")
        if overhead is None and given is not None:
            raise request.forbidden(_WITHOUT)
        if overhead is not None and not _same(given or {}, overhead.get("podFixed") or {}):
            raise request.forbidden(_DIFFERS)

    async def _class(self, request: Request, name: str) -> Obj:
        record = await self._store.get(f"runtimeclasses.node.k8s.io/{name}")
        if record is None:
            raise request.forbidden(f'pod rejected: RuntimeClass "{name}" not found')
        found: Obj = record.object()
        return found


def _same(a: Obj, b: Obj) -> bool:
    return a.keys() == b.keys() and all(quantity.compare(value, b[name]) == 0 for name, value in a.items())


def _schedule(request: Request, spec: Obj, scheduling: Obj) -> None:
    """Raises Forbidden when the pod selects other nodes."""
    selector = dict(spec.get("nodeSelector") or {})
    for label, value in (scheduling.get("nodeSelector") or {}).items():
        if selector.setdefault(label, value) != value:
            raise request.forbidden(
                f"conflict: runtimeClass.scheduling.nodeSelector[{label}] = {value}; pod.spec.nodeSelector[{label}] = {selector[label]}"
            )
    if selector:
        spec["nodeSelector"] = selector
    if more := scheduling.get("tolerations"):
        spec["tolerations"] = _merged([*(spec.get("tolerations") or ()), *more])


def _merged(tolerations: list[Obj]) -> list[Obj]:
    """Without those that another one covers (of equal ones the first stays)."""
    kept: list[Obj] = []
    for i, one in enumerate(tolerations):
        later = (other for other in tolerations[i + 1 :] if other != one)
        if not any(_covers(other, one) for other in (*kept, *later)):
            kept.append(one)
    return kept


def _covers(a: Obj, b: Obj) -> bool:
    """Whether what `b` tolerates, `a` tolerates too."""
    if a == b:
        return True
    exists = a.get("operator") == "Exists"
    if a.get("key", "") != b.get("key", "") and (a.get("key", "") or not exists):
        return False
    effect = a.get("effect", "")
    if effect and effect != b.get("effect", ""):
        return False
    if effect == "NoExecute" and (limit := a.get("tolerationSeconds")) is not None:
        theirs = b.get("tolerationSeconds")
        if theirs is None or theirs > limit:
            return False
    return exists or (b.get("operator") == "Equal" and a.get("value", "") == b.get("value", ""))
