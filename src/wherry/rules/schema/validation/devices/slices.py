"""A ResourceSlice: which node (or nodes) its devices are on, and the pool they are of; the devices themselves are `device_contents`'.

Called by the strategy of ResourceSlices.
Source: pkg/apis/resource/validation/validation.go, pkg/registry/resource/resourceslice/strategy.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, invalid, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_subdomain
from wherry.rules.schema.validation.devices.contents import counters, validate_device
from wherry.rules.schema.validation.devices.names import each, named, pool_name
from wherry.rules.schema.validation.metadata import IMMUTABLE
from wherry.rules.schema.validation.volumes import driver_name, node_selector

MAX_DEVICES, MAX_ADVANCED_DEVICES, MAX_COUNTER_SETS = 128, 64, 8
_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_SET_TRUE = "must be either unset or set to true"


def validate_slice(obj: Obj) -> Errors:
    return _spec(obj.get("spec") or {}, {})


def validate_slice_update(new: Obj, old: Obj) -> Errors:
    """All errors, too: taints that were there are not looked at again."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    pool, old_pool = ((s.get("pool") or {}).get("name") for s in (spec, before))
    errors: Errors = [] if pool == old_pool else [invalid("spec.pool.name", pool or "", IMMUTABLE)]
    for name in ("driver", "nodeName"):
        if spec.get(name) != before.get(name):
            errors.append(invalid(f"spec.{name}", spec.get(name), IMMUTABLE))
    return _spec(spec, before, errors)


def slice_warnings(new: Obj, old: Obj | None) -> list[str]:
    driver = (new.get("spec") or {}).get("driver") or ""
    if driver == driver.lower():
        return []
    return [f'spec.driver: driver names should be lowercase; "{driver}" contains uppercase characters']


def _spec(spec: Obj, before: Obj, changed: Sequence[Cause] = ()) -> Errors:
    errors = driver_name(spec.get("driver") or "", "spec.driver") + _pool(spec.get("pool") or {}, "spec.pool")
    errors += [*changed, *_place(spec, "spec")]
    devices, sets = spec.get("devices"), spec.get("sharedCounters")
    if devices is not None and sets is not None:
        errors.append(invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed"))
    most = MAX_ADVANCED_DEVICES if any(d.get("taints") or d.get("consumesCounters") for d in devices or ()) else MAX_DEVICES
    known = {named(d): d for d in before.get("devices") or ()}
    alone = bool(spec.get("perDeviceNodeSelection"))
    errors += each(devices or (), most, lambda d, at: _device(d, known.get(named(d)), at, alone), "spec.devices", named)
    return errors + each(sets or (), MAX_COUNTER_SETS, lambda s, at: counters(s, "name", at), "spec.sharedCounters", named)


def _pool(pool: Obj, path: str) -> Errors:
    errors = pool_name(pool.get("name") or "", child(path, "name"))
    count, generation = pool.get("resourceSliceCount") or 0, pool.get("generation") or 0
    if count <= 0:
        errors.append(invalid(child(path, "resourceSliceCount"), count, "must be greater than zero"))
    if generation < 0:
        errors.append(invalid(child(path, "generation"), generation, "must be greater than or equal to zero"))
    return errors


def _place(spec: Obj, path: str) -> Errors:
    """Exactly one way to say where the devices are."""
    errors, said = _said(spec, path, "must be either unset or set to a non-empty string")
    selector = spec.get("nodeSelector")
    if selector is not None and len(terms := selector.get("nodeSelectorTerms") or []) != 1:
        shown = selector.get("nodeSelectorTerms") if terms else None
        errors.append(invalid(child(path, "nodeSelector", "nodeSelectorTerms"), shown, "must have exactly one node selector term"))
    text = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
    if not said:
        errors.append(required(path, text))
    elif len(said) > 1:
        errors.append(invalid(path, f"{{{', '.join(said)}}}", f"{text}, but multiple fields are set"))
    return errors


def _said(of: Obj, path: str, empty: str) -> tuple[Errors, list[str]]:
    errors: Errors = []
    said: list[str] = []
    for name in _PLACES:
        value, at = of.get(name), child(path, name)
        if value is None:
            continue
        if value or name == "nodeSelector":
            said.append(f"`{name}`")
        if name == "nodeName":
            errors += [invalid(at, value, m) for m in dns1123_subdomain(value)] if value else [invalid(at, value, empty)]
        elif name == "nodeSelector":
            errors += [Cause(e.reason, e.message, child(at, e.field)) for e in node_selector(value, "")]
        elif not value:
            errors.append(invalid(at, value, _SET_TRUE))
    return errors, said


def _device(device: Obj, before: Obj | None, path: str, alone: bool) -> Errors:
    """`alone`: each device says for itself where it is."""
    places = {name: device[name] for name in _PLACES[:3] if device.get(name) is not None}
    errors: Errors = []
    if alone:
        errors, said = _said(places, path, "must not be empty")
        text = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the "
        text += "ResourceSlice spec"
        if not said:
            errors.append(required(path, text))
        elif len(said) > 1:
            errors.append(invalid(path, f"{{{', '.join(said)}}}", text))
    elif places:
        text = (
            "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec"
        )
        errors.append(invalid(path, None, text))
    return validate_device(device, before, path, errors)
