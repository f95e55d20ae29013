"""Strategies of kinds that wherry stores and hands out but does not act on: flow control and dynamic resource allocation.

Read by the registry through `STRATEGIES`. Defaults and immutability are those of the reference. Not validated: requests,
constraints, selectors and allocation results of claims; devices, pools and taints of a ResourceSlice (nor is `timeAdded` of
taints filled in); configuration of a DeviceClass.
Source: pkg/apis/flowcontrol, pkg/apis/resource, pkg/registry/{flowcontrol,resource}/*/strategy.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from wherry.api.field import Errors, invalid
from wherry.api.objects import Obj
from wherry.rules.strategy import Strategy, keep_status
from wherry.rules.validation.flow_control import validate_conditions, validate_flow_schema, validate_priority_level
from wherry.rules.validation.metadata import IMMUTABLE


def _fill(target: Obj, **values: object) -> None:
    for name, value in values.items():
        if target.get(name) is None:
            target[name] = value


def _reset(draft: Obj) -> None:
    draft["status"] = {}


def _default_flow(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000
    draft.setdefault("status", {})


def _default_level(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    if (exempt := spec.get("exempt")) is not None:
        _fill(exempt, nominalConcurrencyShares=0, lendablePercent=0)
    if (limited := spec.get("limited")) is not None:
        _fill(limited, nominalConcurrencyShares=30, lendablePercent=0)
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            for name, value in (("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)):
                queuing[name] = queuing.get(name) or value
    draft.setdefault("status", {})


def _requests(spec: Obj) -> Iterator[Obj]:
    for request in (spec.get("devices") or {}).get("requests") or ():
        if request.get("exactly") is not None:
            yield request["exactly"]
        yield from request.get("firstAvailable") or ()


def _default_requests(spec: Obj) -> None:
    for request in _requests(spec):
        if not request.get("allocationMode"):
            request["allocationMode"] = "ExactCount"
        if request["allocationMode"] == "ExactCount" and not request.get("count"):
            request["count"] = 1


def _default_claim(draft: Obj) -> None:
    _default_requests(draft.setdefault("spec", {}))
    draft.setdefault("status", {})


def _default_template(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    spec.setdefault("metadata", {})
    _default_requests(spec.setdefault("spec", {}))


def _default_slice(draft: Obj) -> None:
    for device in draft.setdefault("spec", {}).get("devices") or ():
        for mapping in (device.get("nodeAllocatableResourceMappings") or {}).values():
            _fill(mapping, allocationMultiplier="1")


def _same_spec(new: Obj, old: Obj) -> Errors:
    return [] if new.get("spec") == old.get("spec") else [invalid("spec", new.get("spec"), IMMUTABLE)]


def _slice_fields(name: str, obj: Obj) -> str:
    return str((obj.get("spec") or {}).get(name) or "")


_FLOW, _DRA = "flowcontrol.apiserver.k8s.io", "resource.k8s.io"

STRATEGIES: dict[str, Strategy] = {
    f"FlowSchema.{_FLOW}": Strategy(
        default=_default_flow, prepare_create=_reset, prepare_update=keep_status, validate=validate_flow_schema,
        validate_status=validate_conditions, generation=True
    ),
    f"PriorityLevelConfiguration.{_FLOW}": Strategy(
        default=_default_level, prepare_create=_reset, prepare_update=keep_status, validate=validate_priority_level,
        validate_status=validate_conditions, generation=True
    ),
    f"DeviceClass.{_DRA}": Strategy(generation=True, delete_returns_object=True),
    f"ResourceClaim.{_DRA}": Strategy(
        default=_default_claim,
        prepare_create=_reset,
        prepare_update=keep_status,
        validate_update=_same_spec,
        delete_returns_object=True,
    ),
    f"ResourceClaimTemplate.{_DRA}": Strategy(
        default=_default_template, validate_update=_same_spec, delete_returns_object=True
    ),
    f"ResourceSlice.{_DRA}": Strategy(
        default=_default_slice,
        generation=True,
        delete_returns_object=True,
        fields={
            "spec.nodeName": lambda o: _slice_fields("nodeName", o),
            "spec.driver": lambda o: _slice_fields("driver", o),
        },
        fields_subject="resource.k8s.io/v1, Kind=ResourceSlice",
    ),
}
