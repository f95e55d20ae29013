"""What admission adds to every pod: tolerations of node trouble for five minutes, and a priority.

Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/ (DefaultTolerationSeconds, Priority).
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.core import prefix
from wherry.registry.request import Operation, Request
from wherry.store.protocol import Store

TOLERATION_SECONDS = 300
_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def _writes_pod(operation: Operation, resource: Resource, subresource: str) -> bool:
    return operation in ("CREATE", "UPDATE") and resource.group_resource == "pods" and not subresource


class DefaultTolerationSeconds:
    """Also of an update: one that gives a pod other tolerations keeps these, as none may be taken away."""

    handles = staticmethod(_writes_pod)

    async def admit(self, request: Request) -> None:
        spec = request.draft["spec"]
        tolerations = spec.get("tolerations") or []
        missing = [taint for taint in _TAINTS if not any(_tolerates(t, taint) for t in tolerations)]
        if missing:
            spec["tolerations"] = [
                *tolerations,
                *(
                    {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS}
                    for taint in missing
                ),
            ]


def _tolerates(toleration: Obj, taint: str) -> bool:
    return toleration.get("key", "") in (taint, "") and toleration.get("effect", "") in ("NoExecute", "")


class Priority:
    """`priority` and `preemptionPolicy` from the pod's PriorityClass, the default class, or 0; and only one class is the default."""

    def __init__(self, store: Store, classes: Resource) -> None:
        self._store = store
        self._classes = classes

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        kinds = ("pods", self._classes.group_resource)
        return operation in ("CREATE", "UPDATE") and resource.group_resource in kinds and not subresource

    async def admit(self, request: Request) -> None:
        """Raises Forbidden for a class that does not exist, or a priority that is not its class's."""
        if request.resource.group_resource != "pods":
            return
        spec = request.draft["spec"]
        if request.old is not None:
            before = request.old["spec"]
            for name in ("priority", "preemptionPolicy"):
                if name in before:
                    spec.setdefault(name, before[name])
            return
        await self._resolve(request, spec)

    async def _resolve(self, request: Request, spec: Obj) -> None:
        name = spec.get("priorityClassName", "")
        found = await self._class(name) if name else await self._default()
        if name and found is None:
            raise request.forbidden(f"no PriorityClass with name {name} was found")
        value = found.get("value", 0) if found else 0
        policy = (found or {}).get("preemptionPolicy", "PreemptLowerPriority")
        if found and not name:
            spec["priorityClassName"] = found["metadata"]["name"]
        _must_agree(request, "integer value of priority", spec.get("priority", value), value)
        _must_agree(request, "string value of PreemptionPolicy", spec.get("preemptionPolicy", policy), policy)
        spec["priority"], spec["preemptionPolicy"] = value, policy

    async def validate(self, request: Request) -> None:
        """Raises Forbidden for a second default class."""
        if request.resource.group_resource == "pods" or not request.draft.get("globalDefault"):
            return
        found = await self._default()
        if found is not None and (request.old is None or found["metadata"]["name"] != request.name):
            raise request.forbidden(f"PriorityClass {found['metadata']['name']} is already marked as default. Only one default can exist")

    async def _class(self, name: str) -> Obj | None:
        record = await self._store.get(prefix(self._classes) + name)
        return record.object() if record else None

    async def _default(self) -> Obj | None:
        if not self._store.size(self._classes.group_resource):
            return None
        found = await self._store.range(prefix(self._classes))
        classes = [r.object() for r in found.records if r.object().get("globalDefault")]
        return min(classes, key=lambda c: c.get("value", 0)) if classes else None


def _must_agree(request: Request, what: str, given: object, computed: object) -> None:
    if given != computed:
        why = (
            f"the {what} ({given}) must not be provided in pod spec; "
            f"priority admission controller computed {computed} from the given PriorityClass name"
        )
        raise request.forbidden(why)
