"""Strategies of kinds with few rules: Lease, EndpointSlice, PriorityClass, RuntimeClass.

Read by the registry through `STRATEGIES`.
Source: pkg/apis/{coordination,discovery,scheduling,node}/validation and the registries' strategies.
"""

from __future__ import annotations

import msgspec

from wherry.api.errors import Cause
from wherry.api.field import Errors, forbidden, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label, dns1123_subdomain, qualified_name
from wherry.rules.objects.strategy import Strategy
from wherry.rules.schema.defaults.discovery import default_slice
from wherry.rules.schema.validation import endpoints
from wherry.rules.schema.validation.labels import labels
from wherry.rules.schema.validation.metadata import IMMUTABLE, NOT_NEGATIVE
from wherry.rules.schema.validation.pods.resources import overhead
from wherry.rules.schema.validation.pods.scheduling import tolerations

_HOSTNAME = "kubernetes.io/hostname"
HIGHEST_USER_PRIORITY = 1_000_000_000
SYSTEM_PRIORITIES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
_PREEMPTION = ("PreemptLowerPriority", "Never")
_RESERVED = "priority class names with 'system-' prefix are reserved for system use only. error: "


def _default_lease(draft: Obj) -> None:
    draft.setdefault("spec", {})


def _lease(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    errors: Errors = []
    duration, transitions, strategy = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions"), spec.get("strategy")
    if duration is not None and duration <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        errors.append(invalid("spec.leaseTransitions", transitions, NOT_NEGATIVE))
    if strategy is not None:
        errors += _lease_strategy(strategy)
    if spec.get("preferredHolder") and not strategy:
        errors.append(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"))
    return errors


def _lease_strategy(strategy: str) -> Errors:
    if "/" in strategy:
        return [invalid("spec.strategy", strategy, m) for m in qualified_name(strategy)]
    known = ("OldestEmulationVersion",)
    return [] if strategy in known else [not_supported("spec.strategy", strategy, known)]


def _without_election(draft: Obj) -> None:
    """Fields of CoordinatedLeaderElection, which is off by default."""
    for name in ("strategy", "preferredHolder"):
        draft["spec"].pop(name, None)


def _without_new_election(draft: Obj, old: Obj) -> None:
    was = old.get("spec") or {}
    for name in ("strategy", "preferredHolder"):
        if was.get(name) is None:
            draft["spec"].pop(name, None)


def _lease_update(new: Obj, old: Obj) -> Errors:
    return _lease(new)


def _drop_topology(draft: Obj) -> None:
    """deprecatedTopology is not written through v1."""
    for endpoint in draft.get("endpoints") or ():
        endpoint.pop("deprecatedTopology", None)


def _drop_new_topology(draft: Obj, old: Obj) -> None:
    """A node named there moves to its own field; unchanged endpoints stay as they are."""
    if (draft.get("endpoints") or []) == (old.get("endpoints") or []):
        return
    known = {(e.get("deprecatedTopology") or {}).get(_HOSTNAME) for e in old.get("endpoints") or ()} - {None, ""}
    for endpoint in draft.get("endpoints") or ():
        node = (endpoint.pop("deprecatedTopology", None) or {}).get(_HOSTNAME, "")
        if endpoint.get("nodeName") is None and node in known and not dns1123_subdomain(node):
            endpoint["nodeName"] = node


def _default_priority(draft: Obj) -> None:
    draft.setdefault("value", 0)
    if draft.get("preemptionPolicy") is None:
        draft["preemptionPolicy"] = "PreemptLowerPriority"


def _priority(obj: Obj) -> Errors:
    name, value, policy = obj["metadata"].get("name", ""), obj.get("value", 0), obj.get("preemptionPolicy")
    errors: Errors = []
    if name.startswith("system-"):
        if why := _not_system(name, value, bool(obj.get("globalDefault"))):
            errors.append(forbidden("metadata.name", _RESERVED + why))
    elif value > HIGHEST_USER_PRIORITY:
        errors.append(forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"))
    if policy is not None and policy not in _PREEMPTION:
        errors.append(required("preemptionPolicy") if not policy else not_supported("preemptionPolicy", policy, _PREEMPTION))
    return errors


def _not_system(name: str, value: int, is_default: bool) -> str:
    if name not in SYSTEM_PRIORITIES:
        return f"{name} is not a known system priority class"
    if value != SYSTEM_PRIORITIES[name]:
        return f"value of {name} PriorityClass must be {SYSTEM_PRIORITIES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


def _priority_update(new: Obj, old: Obj) -> Errors:
    errors: Errors = []
    if new.get("value", 0) != old.get("value", 0):
        errors.append(forbidden("value", "may not be changed in an update."))
    if new.get("preemptionPolicy") != old.get("preemptionPolicy"):
        errors.append(invalid("preemptionPolicy", new.get("preemptionPolicy"), IMMUTABLE))
    return errors


def _runtime(obj: Obj) -> Errors:
    handler = obj.get("handler") or ""
    errors = [invalid("handler", handler, m) for m in dns1123_label(handler)] if handler else [required("handler")]
    if (more := obj.get("overhead")) is not None:
        errors += overhead(more.get("podFixed") or {}, "overhead")
    scheduling = obj.get("scheduling") or {}
    errors += labels(scheduling.get("nodeSelector"), "scheduling.nodeSelector")
    tolerated = scheduling.get("tolerations") or []
    return errors + tolerations(tolerated, "scheduling.tolerations") + _twice(tolerated, "scheduling.tolerations")


def _twice(tolerated: list[Obj], path: str) -> Errors:
    """Tolerations that are the same but for their seconds; shown as the reference's server holds them."""
    errors: Errors = []
    seen: list[tuple[str, ...]] = []
    for i, entry in enumerate(tolerated):
        said = {name.capitalize(): entry.get(name) or "" for name in ("key", "operator", "value", "effect")}
        if (known := tuple(said.values())) in seen:
            shown = msgspec.json.encode({**said, "TolerationSeconds": entry.get("tolerationSeconds")}).decode()
            errors.append(Cause("FieldValueDuplicate", f"Duplicate value: {shown}", index(path, i)))
        seen.append(known)
    return errors


def _runtime_update(new: Obj, old: Obj) -> Errors:
    if new.get("handler") == old.get("handler"):
        return []
    return [invalid("handler", new.get("handler", ""), IMMUTABLE)]


STRATEGIES: dict[str, Strategy] = {
    "Lease.coordination.k8s.io": Strategy(
        default=_default_lease,
        prepare_create=_without_election,
        prepare_update=_without_new_election,
        validate=_lease,
        metadata="plain",
        validate_update=_lease_update,
        create_on_update=True,
        unconditional_update=False,
    ),
    "EndpointSlice.discovery.k8s.io": Strategy(
        default=default_slice,
        prepare_create=_drop_topology,
        prepare_update=_drop_new_topology,
        validate=endpoints.validate_slice,
        validate_update=endpoints.validate_slice_update,
        warnings=endpoints.slice_warnings,
        generation=True,
    ),
    "PriorityClass.scheduling.k8s.io": Strategy(
        default=_default_priority,
        validate=_priority,
        validate_update=_priority_update,
        generation=True,
        counts_changes=False,
    ),
    "RuntimeClass.node.k8s.io": Strategy(
        validate=_runtime,
        metadata="plain",
        revalidate="before",
        validate_update=_runtime_update,
        create_on_update=True,
        unconditional_update=False,
    ),
}
