"""The status of a ResourceClaim: what was allocated, for whom it is reserved, and what drivers say about the devices.

Called by the strategy of ResourceClaims. What was allocated never changes; it may only be taken back.
Source: pkg/apis/resource/validation/validation.go, pkg/registry/resource/resourceclaim/strategy.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_interface

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, forbidden, invalid, not_supported, required, too_long, too_many
from wherry.api.objects import Obj, is_deleting
from wherry.rules.objects.names import length
from wherry.rules.schema.validation.conditions import conditions
from wherry.rules.schema.validation.devices.claims import Requests, request_names, request_reference, request_references
from wherry.rules.schema.validation.devices.names import (
    MAX_CONFIG,
    MAX_RESULTS,
    binding_conditions,
    configuration,
    each,
    itself,
    label_name,
    pool_name,
    raw_object,
    uid,
)
from wherry.rules.schema.validation.metadata import IMMUTABLE
from wherry.rules.schema.validation.volumes import driver_name, node_selector

MAX_RESERVED, MAX_STATUS_CONDITIONS, MAX_DATA, MAX_ADDRESSES = 256, 8, 10 * 1024, 16
_SOURCES = ("FromClaim", "FromClass")
_Device = tuple[str, str, str, str]
#: messages of the reference do not tell which device
_SHOWN_DEVICE = '{"Driver":{},"Pool":{},"Device":{},"ShareID":{}}'


def drop_deallocated(draft: Obj, old: Obj) -> None:
    """What drivers said about devices goes with their allocation."""
    status, before = draft.get("status") or {}, old.get("status") or {}
    gone = set(map(_device, _results(before))) - set(map(_device, _results(status)))
    if gone and status.get("devices"):
        kept = [each for each in status["devices"] if _device(each) not in gone]
        status = {name: value for name, value in status.items() if name != "devices"} | ({"devices": kept} if kept else {})
        draft["status"] = status


def validate_claim_status(new: Obj, old: Obj) -> Errors:
    status, before = new.get("status") or {}, old.get("status") or {}
    allocation, known = status.get("allocation"), request_names((new.get("spec") or {}).get("devices") or {})
    reserved = status.get("reservedFor") or []
    errors = each(reserved, MAX_RESERVED, _consumer, "status.reservedFor", lambda c: c.get("uid") or "")
    allocated = frozenset(map(_device, _results(status)))
    errors += each(status.get("devices") or (), -1, lambda d, at: _device_status(d, at, allocated), "status.devices", _device)
    if reserved and allocation is None:
        errors.append(forbidden("status.reservedFor", "may not be specified when `allocated` is not set"))
    elif is_deleting(new) and any(consumer not in (before.get("reservedFor") or ()) for consumer in reserved):
        text = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        errors.append(forbidden("status.reservedFor", text))
    if allocation is None:
        return errors
    if before.get("allocation") is None:
        return errors + _allocation(allocation, "status.allocation", known)
    return errors if allocation == before["allocation"] else [*errors, invalid("status.allocation", allocation, IMMUTABLE)]


def _results(status: Obj) -> Sequence[Obj]:
    return ((status.get("allocation") or {}).get("devices") or {}).get("results") or ()


def _device(of: Obj) -> _Device:
    return tuple(of.get(name) or "" for name in ("driver", "pool", "device", "shareID"))  # type: ignore[return-value]


def _consumer(consumer: Obj, path: str) -> Errors:
    return [required(child(path, name)) for name in ("resource", "name", "uid") if not consumer.get(name)]


def _allocation(allocation: Obj, path: str, known: Requests) -> Errors:
    devices, at = allocation.get("devices") or {}, child(path, "devices")
    errors = each(devices.get("results") or (), MAX_RESULTS, lambda r, p: _result(r, p, known), child(at, "results"))
    errors += each(devices.get("config") or (), 2 * MAX_CONFIG, lambda c, p: _config(c, p, known), child(at, "config"))
    selector = allocation.get("nodeSelector")
    return errors if selector is None else errors + _below(node_selector(selector, ""), child(path, "nodeSelector"))


def _below(errors: Iterable[Cause], path: str) -> Errors:
    return [Cause(e.reason, e.message, child(path, e.field)) for e in errors]


def _result(result: Obj, path: str, known: Requests) -> Errors:
    errors = request_reference(result.get("request") or "", child(path, "request"), known)
    errors += _named(result, path)
    errors += binding_conditions(result, path)
    share = result.get("shareID")
    return errors if share is None else errors + uid(share, child(path, "shareID"))


def _named(of: Obj, path: str) -> Errors:
    errors = driver_name(of.get("driver") or "", child(path, "driver")) + pool_name(of.get("pool") or "", child(path, "pool"))
    return errors + label_name(of.get("device") or "", child(path, "device"))


def _config(config: Obj, path: str, known: Requests) -> Errors:
    source, at = config.get("source") or "", child(path, "source")
    errors: Errors = []
    if source not in _SOURCES:
        errors.append(not_supported(at, source, _SOURCES) if source else required(at))
    errors += request_references(config.get("requests") or [], child(path, "requests"), known)
    return errors + configuration(config, path)


def _device_status(device: Obj, path: str, allocated: frozenset[_Device]) -> Errors:
    errors, share, found = _named(device, path), device.get("shareID"), device.get("conditions") or []
    if share is not None:
        errors += uid(share, child(path, "shareID"))
    if _device(device) not in allocated:
        errors.append(Cause("FieldValueInvalid", f"Invalid value: {_SHOWN_DEVICE}: must be an allocated device in the claim", path))
    if len(found) > MAX_STATUS_CONDITIONS:
        errors.append(too_many(child(path, "conditions"), len(found), MAX_STATUS_CONDITIONS))
    errors += conditions(found, child(path, "conditions"))
    if device.get("data") is not None:
        errors += raw_object(device["data"], child(path, "data"), MAX_DATA)
    network = device.get("networkData")
    return errors if network is None else errors + _network(network, child(path, "networkData"))


def _network(network: Obj, path: str) -> Errors:
    limits = (("interfaceName", 256), ("hardwareAddress", 128))
    errors: Errors = [too_long(child(path, name), most) for name, most in limits if length(network.get(name) or "") > most]
    return errors + each(network.get("ips") or (), MAX_ADDRESSES, _interface_address, child(path, "ips"), itself)


def _interface_address(value: str, path: str) -> Errors:
    """An address with the length of its network's prefix."""
    try:
        parsed = ip_interface(value)
    except ValueError:
        parsed = None
    if parsed is None or "/" not in value:
        return [invalid(path, value, "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)")]
    canonical = str(parsed)
    return [] if canonical == value else [invalid(path, value, f'must be in canonical form ("{canonical}")')]
