"""Blue-green by Services alone: which pods the active Service and the preview Service lead to at each step.

A Deployment at the step `preview` has all new pods beside all old ones; its ReplicaSets tell them apart by the label pod-template-hash. The
active Service is pinned to the old hash before the first new pod is made, `switch` pins it to the new one, and when the rollout is over the
pins are taken away: then all pods are of one ReplicaSet and the Services are as their owner wrote them.
Called by `decide` with each look; one Service a write.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api.objects import Obj, annotations_of, labels
from wherry.rules.workloads.steps.move import NoSteps
from wherry.rules.workloads.steps.spec import Step
from wherry.rules.workloads.steps.state import SERVICES, State
from wherry.rules.workloads.steps.view import View
from wherry.rules.workloads.template_hash import HASH_LABEL


def names(workload: Obj) -> dict[str, str]:
    """`active=web preview=web-preview`, as the annotation says it. Raises NoSteps."""
    found: dict[str, str] = {}
    for word in annotations_of(workload).get(SERVICES, "").replace(",", " ").split():
        role, equals, service = word.partition("=")
        if role not in ("active", "preview") or not equals or not service:
            raise NoSteps(f'{SERVICES}: "{word}" must be active=SERVICE or preview=SERVICE')
        found[role] = service
    return found


def require(workload: Obj, steps: Sequence[Step]) -> None:
    """Raises NoSteps for a switch without a Service to switch."""
    if any(step.kind in ("preview", "switch") for step in steps) and "active" not in names(workload):
        raise NoSteps(f'preview and switch need a Service: annotate with {SERVICES}: "active=SERVICE preview=SERVICE"')


def _hash(source: Obj | None) -> str:
    return labels(source).get(HASH_LABEL, "") if source is not None else ""


def _pins(view: View, steps: Sequence[Step], state: State) -> dict[str, str]:
    """Role -> the hash it leads to; "" for all pods."""
    if state.is_over or not any(step.kind == "preview" for step in steps):
        return {"active": "", "preview": ""}
    stable = _hash(next((source for source in view.sources if source["metadata"]["name"] == state.stable), None))
    if state.phase == "aborting":
        return {"active": stable, "preview": stable}
    switch = next((at for at, step in enumerate(steps) if step.kind == "switch"), len(steps) - 1)
    new = _hash(view.newest)
    return {"active": new if state.step >= switch else stable, "preview": new or stable}


def pinned(service: Obj, to: str) -> Obj | None:
    """The Service as it should be; None when it is."""
    selector = {k: v for k, v in (service["spec"].get("selector") or {}).items() if k != HASH_LABEL} | ({HASH_LABEL: to} if to else {})
    if selector == (service["spec"].get("selector") or {}):
        return None
    return {**service, "spec": {**service["spec"], "selector": selector}}


def next_write(view: View, steps: Sequence[Step], state: State) -> Obj | None:
    """The next Service to write."""
    if not view.services:
        return None
    roles = {service: role for role, service in names(view.workload).items()}
    pins = _pins(view, steps, state)
    for service in view.services:
        changed = pinned(service, pins[roles[service["metadata"]["name"]]])
        if changed is not None:
            return changed
    return None
