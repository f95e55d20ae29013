"""How messages show the specs of claims: with the names and the order of the reference's own types.

Called by the rules of ResourceClaims and their templates, only for a spec that is refused.
Source: k8s.io/apimachinery/pkg/util/validation/field Error.ErrorBody, pkg/apis/resource/types.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wherry.api.objects import Obj


def claim_spec(spec: Obj) -> Obj:
    devices = spec.get("devices") or {}
    parts = (("Requests", _request), ("Constraints", _constraint), ("Config", _config))
    return {"Devices": {name: _all(devices.get(name.lower()), made) for name, made in parts}}


def template_spec(spec: Obj) -> Obj:
    meta = spec.get("metadata") or {}
    shown = {name: meta[name] for name in ("labels", "annotations") if meta.get(name)}
    return {**shown, "Spec": claim_spec(spec.get("spec") or {})}


def _all(values: Sequence[Obj] | None, made: Callable[[Obj], Obj]) -> list[Obj] | None:
    return None if values is None else [made(value) for value in values]


def _request(request: Obj) -> Obj:
    exactly = request.get("exactly")
    return {
        "Name": request.get("name", ""),
        "Exactly": None if exactly is None else _wish(exactly, admin=True),
        "FirstAvailable": _all(request.get("firstAvailable"), lambda r: {"Name": r.get("name", ""), **_wish(r, admin=False)}),
    }


def _wish(request: Obj, *, admin: bool) -> Obj:
    capacity = request.get("capacity")
    return {
        "DeviceClassName": request.get("deviceClassName", ""),
        "Selectors": _all(request.get("selectors"), _selector),
        "AllocationMode": request.get("allocationMode", ""),
        "Count": request.get("count", 0),
        **({"AdminAccess": request.get("adminAccess")} if admin else {}),
        "Tolerations": _all(request.get("tolerations"), _toleration),
        "Capacity": None if capacity is None else {"Requests": capacity.get("requests")},
    }


def _selector(selector: Obj) -> Obj:
    cel = selector.get("cel")
    return {"CEL": None if cel is None else {"Expression": cel.get("expression", "")}}


def _toleration(given: Obj) -> Obj:
    texts = {name: given.get(name.lower(), "") for name in ("Key", "Operator", "Value", "Effect")}
    return {**texts, "TolerationSeconds": given.get("tolerationSeconds")}


def _constraint(constraint: Obj) -> Obj:
    attributes = {name[0].upper() + name[1:]: constraint.get(name) for name in ("matchAttribute", "distinctAttribute")}
    return {"Requests": constraint.get("requests"), **attributes}


def _config(config: Obj) -> Obj:
    opaque = config.get("opaque")
    shown = None if opaque is None else {"Driver": opaque.get("driver", ""), "Parameters": opaque.get("parameters")}
    return {"Requests": config.get("requests"), "Opaque": shown}
