"""Rules of resource.k8s.io: requests and selectors of claims, allocation in their status, classes, and devices of slices."""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.rules.kinds import STRATEGIES

CLAIM, TEMPLATE, CLASS, SLICE = (
    STRATEGIES[f"{kind}.resource.k8s.io"] for kind in ("ResourceClaim", "ResourceClaimTemplate", "DeviceClass", "ResourceSlice")
)


def found(errors: list[Any]) -> list[tuple[str, str]]:
    return [(e.field, e.message) for e in errors]


def claim(*requests: Obj, **devices: Any) -> Obj:
    obj = {"metadata": {"name": "c", "namespace": "n"}, "spec": {"devices": {"requests": list(requests), **devices}}}
    CLAIM.default(obj)
    return obj


def exactly(name: str = "r", **fields: Any) -> Obj:
    return {"name": name, "exactly": {"deviceClassName": "gpu", **fields}}


def slice_of(*devices: Obj, **spec: Any) -> Obj:
    pool = {"name": "p", "resourceSliceCount": 1}
    return {"metadata": {"name": "s"}, "spec": {"driver": "d.io", "pool": pool, "nodeName": "n", "devices": list(devices), **spec}}


def test_a_request_says_exactly_one_of_two() -> None:
    assert CLAIM.validate(claim(exactly())) == []
    alternative = {"name": "a", "deviceClassName": "gpu"}
    assert CLAIM.validate(claim({"name": "r", "firstAvailable": [alternative]})) == []
    assert found(CLAIM.validate(claim({"name": "r"}))) == [
        ("spec.devices.requests[0]", "Required value: exactly one of `exactly` or `firstAvailable` is required")
    ]
    both = {**exactly(), "firstAvailable": [alternative]}
    text = "Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set"
    assert found(CLAIM.validate(claim(both))) == [("spec.devices.requests[0]", text)]


def test_names_of_requests_are_unique_and_references_lead_to_them() -> None:
    constraint = {"requests": ["r", "x"], "matchAttribute": "plain"}
    text = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
    assert found(CLAIM.validate(claim(exactly(), exactly(), constraints=[constraint]))) == [
        ("spec.devices.requests[1]", 'Duplicate value: "r"'),
        ("spec.devices.constraints[0].requests[1]", f'Invalid value: "x": {text}'),
        (
            "spec.devices.constraints[0].matchAttribute",
            'Invalid value: "plain": a fully qualified name must be a domain and a name separated by a slash',
        ),
    ]


def test_counts_and_modes_fit_each_other() -> None:
    assert found(CLAIM.validate(claim(exactly(allocationMode="All", count=2)))) == [
        ("spec.devices.requests[0].exactly.count", "Invalid value: 2: must not be specified when allocationMode is 'All'")
    ]
    assert found(CLAIM.validate(claim(exactly(allocationMode="Some")))) == [
        ("spec.devices.requests[0].exactly.allocationMode", 'Unsupported value: "Some": supported values: "All", "ExactCount"')
    ]


def test_a_selector_must_compile_to_a_truth() -> None:
    good = {"cel": {"expression": 'device.driver == "d.io" && device.attributes["d.io"].model == "a"'}}
    assert CLASS.validate({"metadata": {}, "spec": {"selectors": [good]}}) == []
    [(path, text)] = found(CLASS.validate({"metadata": {}, "spec": {"selectors": [{"cel": {"expression": "device.driver"}}]}}))
    assert path == "spec.selectors[0].cel.expression"
    assert text.endswith("must evaluate to bool or the unknown type, not string")
    [(_, text)] = found(CLASS.validate({"metadata": {}, "spec": {"selectors": [{"cel": {"expression": "device.nothing"}}]}}))
    assert "compilation failed: ERROR: <input>:1:7: undefined field 'nothing'" in text


def test_a_spec_that_changes_is_shown_with_the_names_of_the_reference() -> None:
    [(path, text)] = found(CLAIM.validate_update(claim(exactly("b")), claim(exactly("a"))))
    assert path == "spec"
    assert text == (
        'Invalid value: {"Devices":{"Requests":[{"Name":"b","Exactly":{"DeviceClassName":"gpu","Selectors":null,"AllocationMode":'
        '"ExactCount","Count":1,"AdminAccess":null,"Tolerations":null,"Capacity":null},"FirstAvailable":null}],"Constraints":null,"Config":null}}'
        ": field is immutable"
    )


def test_what_is_allocated_names_requests_and_stays() -> None:
    result = {"request": "r", "driver": "d.io", "pool": "p", "device": "gpu-0"}
    old = {**claim(exactly()), "status": {}}
    allocated = {**old, "status": {"allocation": {"devices": {"results": [result]}}}}
    assert CLAIM.validate_status(allocated, old) == []
    wrong = {**old, "status": {"allocation": {"devices": {"results": [{**result, "request": "x", "pool": ""}]}}}}
    assert [path for path, _ in found(CLAIM.validate_status(wrong, old))] == [
        "status.allocation.devices.results[0].request",
        "status.allocation.devices.results[0].pool",
    ]
    moved = {**old, "status": {"allocation": {"devices": {"results": [{**result, "device": "gpu-1"}]}}}}
    assert [e.field for e in CLAIM.validate_status(moved, allocated)] == ["status.allocation"]


def test_nobody_reserves_what_is_not_allocated() -> None:
    old = {**claim(exactly()), "status": {}}
    new = {**old, "status": {"reservedFor": [{"resource": "pods", "name": "p", "uid": "u"}]}}
    assert found(CLAIM.validate_status(new, old)) == [("status.reservedFor", "Forbidden: may not be specified when `allocated` is not set")]


def test_what_drivers_said_goes_with_the_allocation() -> None:
    result = {"request": "r", "driver": "d.io", "pool": "p", "device": "gpu-0"}
    said = {"driver": "d.io", "pool": "p", "device": "gpu-0"}
    old = {**claim(exactly()), "status": {"allocation": {"devices": {"results": [result]}}, "devices": [said]}}
    draft = {**old, "status": {"devices": [said]}}
    CLAIM.prepare_status(draft, old)
    assert draft["status"] == {}


def test_a_slice_says_once_where_its_devices_are() -> None:
    assert SLICE.validate(slice_of({"name": "a"})) == []
    text = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
    assert found(SLICE.validate(slice_of(allNodes=True))) == [
        ("spec", f'Invalid value: "{{`nodeName`, `allNodes`}}": {text}, but multiple fields are set')
    ]
    assert found(SLICE.validate(slice_of(nodeName=None))) == [("spec", f"Required value: {text}")]


def test_attributes_have_one_value_and_capacity_its_policy() -> None:
    device = {
        "name": "a",
        "attributes": {"x": {"int": 1, "bool": True}, "v": {"version": "1"}},
        "capacity": {"m": {"value": "1Gi", "requestPolicy": {}}},
    }
    assert [e.field for e in SLICE.validate(slice_of(device))] == [
        "spec.devices[0].attributes[v].version",
        "spec.devices[0].attributes[x]",
        "spec.devices[0].capacity[m].requestPolicy",
    ]
    policy = {"default": "3Gi", "validRange": {"min": "1Gi", "max": "8Gi", "step": "4Gi"}}
    shared = {"name": "a", "allowMultipleAllocations": True, "capacity": {"m": {"value": "4Gi", "requestPolicy": policy}}}
    assert found(SLICE.validate(slice_of(shared))) == [
        ("spec.devices[0].capacity[m].requestPolicy.validRange.max", 'Invalid value: "8Gi": max is larger than capacity value: 4Gi'),
        (
            "spec.devices[0].capacity[m].requestPolicy.validRange.step",
            'Invalid value: "4Gi": one step 5Gi is larger than capacity value: 4Gi',
        ),
        (
            "spec.devices[0].capacity[m].requestPolicy.validRange.step",
            'Invalid value: "3Gi": value is not a multiple of a given step (4Gi) from (1Gi)',
        ),
        (
            "spec.devices[0].capacity[m].requestPolicy.validRange.step",
            'Invalid value: "8Gi": value is not a multiple of a given step (4Gi) from (1Gi)',
        ),
    ]


def test_the_driver_and_the_pool_of_a_slice_stay() -> None:
    old, new = slice_of(), slice_of(driver="e.io", pool={"name": "q", "resourceSliceCount": 1})
    assert found(SLICE.validate_update(new, old)) == [
        ("spec.pool.name", 'Invalid value: "q": field is immutable'),
        ("spec.driver", 'Invalid value: "e.io": field is immutable'),
    ]


def test_a_template_is_looked_at_like_a_claim() -> None:
    obj = {"metadata": {"name": "t"}, "spec": {"metadata": {"labels": {"-": "x"}}, "spec": {"devices": {"requests": [{"name": "r"}]}}}}
    assert [e.field for e in TEMPLATE.validate(obj)] == ["spec.metadata.labels", "spec.spec.devices.requests[0]"]
