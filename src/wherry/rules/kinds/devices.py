"""Strategies of resource.k8s.io (dynamic resource allocation): claims, their templates, classes of devices, and slices of them.

Read by the registry through `STRATEGIES`. wherry stores and checks these objects; nothing allocates devices. Who may allocate, or speak for
a driver, is asked of the roles of `resourceclaims/status` alone, and admin access does not need the label of its namespace.
Source: pkg/apis/resource/v1/defaults.go, pkg/registry/resource/*/strategy.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from wherry.api.objects import Obj
from wherry.rules.objects.strategy import Strategy, keep_spec, keep_status
from wherry.rules.schema.validation.devices import allocation as device_allocation
from wherry.rules.schema.validation.devices import claims as device_claims
from wherry.rules.schema.validation.devices import slices as device_slices


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
        _default_tolerations(request)


def _default_tolerations(of: Obj) -> None:
    for toleration in of.get("tolerations") or ():
        if not toleration.get("operator"):
            toleration["operator"] = "Equal"


def _default_claim(draft: Obj) -> None:
    _default_requests(draft.setdefault("spec", {}))
    allocation = draft.setdefault("status", {}).get("allocation") or {}
    for result in (allocation.get("devices") or {}).get("results") or ():
        _default_tolerations(result)


def _default_template(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    spec.setdefault("metadata", {})
    _default_requests(spec.setdefault("spec", {}))


def _reset(draft: Obj) -> None:
    draft["status"] = {}


def _status(draft: Obj, old: Obj) -> None:
    keep_spec(draft, old)
    device_allocation.drop_deallocated(draft, old)


def _without_alpha(draft: Obj) -> None:
    """Members of devices that the reference only keeps behind features that are off: lists of values, what nodes can allocate."""
    for device in (draft.get("spec") or {}).get("devices") or ():
        device.pop("nodeAllocatableResourceMappings", None)
        for attribute in (device.get("attributes") or {}).values():
            for name in ("bools", "ints", "strings", "versions"):
                attribute.pop(name, None)


def _without_alpha_update(draft: Obj, old: Obj) -> None:
    _without_alpha(draft)


def _slice_field(name: str, obj: Obj) -> str:
    return str((obj.get("spec") or {}).get(name) or "")


_GROUP = "resource.k8s.io"

STRATEGIES: dict[str, Strategy] = {
    f"DeviceClass.{_GROUP}": Strategy(
        validate=device_claims.validate_class,
        revalidate="before",
        generation=True,
        name_rule="long",
        delete_returns_object=True,
    ),
    f"ResourceClaim.{_GROUP}": Strategy(
        default=_default_claim,
        prepare_create=_reset,
        prepare_update=keep_status,
        prepare_status=_status,
        validate=device_claims.validate_claim,
        revalidate="metadata",
        validate_update=device_claims.validate_claim_update,
        validate_status=device_allocation.validate_claim_status,
        delete_returns_object=True,
    ),
    f"ResourceClaimTemplate.{_GROUP}": Strategy(
        default=_default_template,
        validate=device_claims.validate_template,
        revalidate="before",
        validate_update=device_claims.validate_template_update,
        delete_returns_object=True,
    ),
    f"ResourceSlice.{_GROUP}": Strategy(
        prepare_create=_without_alpha,
        prepare_update=_without_alpha_update,
        validate=device_slices.validate_slice,
        validate_update=device_slices.validate_slice_update,
        warnings=device_slices.slice_warnings,
        generation=True,
        delete_returns_object=True,
        fields={
            "spec.nodeName": lambda o: _slice_field("nodeName", o),
            "spec.driver": lambda o: _slice_field("driver", o),
        },
        fields_subject="resource.k8s.io/v1, Kind=ResourceSlice",
    ),
}
