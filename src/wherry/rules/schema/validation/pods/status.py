"""What a write of a pod's status may say.

Called through the pod's strategy for every write of `/status`. Pure; quick where nothing unusual is in it.
Not checked: what dynamic resource allocation says in it (extendedResourceClaimStatus, nodeAllocatableResourceClaimStatuses).
Source: pkg/apis/core/validation ValidatePodStatusUpdate.
"""

from __future__ import annotations

from collections.abc import Iterator

from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, not_supported, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.addresses import legacy_ip
from wherry.rules.objects.names import dns1123_subdomain, qualified_name
from wherry.rules.schema.validation.pods.restarts import restart_errors

_SYSTEM = ("PodScheduled", "Ready", "Initialized")
_NOT_NEGATIVE = "must be a non-negative integer"
_LISTS = (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers"), ("ephemeralContainerStatuses", ""))
_HEALTH = ("Healthy", "Unhealthy", "Unknown")
_MAX_ID = 2**31 - 1
_MAX_MESSAGE = 1024
_UNKNOWN_CLAIM = (
    "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
)


def status_changes(new: Obj, old: Obj) -> Errors:
    """Errors of the change of `.status`, without those of metadata."""
    spec, status, was = old["spec"], new.get("status") or {}, old.get("status") or {}
    errors = _conditions(status.get("conditions") or ())
    errors += _nominated(status.get("nominatedNodeName") or "", was.get("nominatedNodeName") or "", bool(spec.get("nodeName")))
    if (observed := status.get("observedGeneration") or 0) < 0:
        errors.append(invalid("status.observedGeneration", observed, _NOT_NEGATIVE))
    if (qos := status.get("qosClass") or "") != (was.get("qosClass") or ""):
        errors.append(invalid("status.qosClass", qos, "field is immutable"))
    errors += restart_errors(status, was, spec)
    if claims := status.get("resourceClaimStatuses"):
        errors += _claims(claims, spec)
    errors += _addresses(status, was, "podIPs")
    if hosts := status.get("hostIPs"):
        if (first := hosts[0].get("ip") or "") != (status.get("hostIP") or ""):
            errors.append(invalid("status.hostIPs[0].ip", first, "must be equal to `hostIP`"))
        errors += _addresses(status, was, "hostIPs")
    for name, _ in _LISTS:
        for at, entry in _entries(status, name):
            if user := entry.get("user"):
                errors += _user(user, spec, child(at, "user", "linux"))
    for name, containers in _LISTS:
        for at, entry in _entries(status, name):
            if allocated := entry.get("allocatedResourcesStatus"):
                errors += _allocated(entry, allocated, spec, containers, child(at, "allocatedResourcesStatus"))
    return errors


def _entries(status: Obj, name: str) -> Iterator[tuple[str, Obj]]:
    for i, entry in enumerate(status.get(name) or ()):
        yield f"status.{name}[{i}]", entry


def _conditions(conditions: list[Obj] | tuple[()]) -> Errors:
    errors: Errors = []
    for i, condition in enumerate(conditions):
        at = f"status.conditions[{i}]"
        if (observed := condition.get("observedGeneration") or 0) < 0:
            errors.append(invalid(child(at, "observedGeneration"), observed, _NOT_NEGATIVE))
        type_ = condition.get("type") or ""
        if type_ not in _SYSTEM:
            errors += [invalid(child(at, "Type"), type_, message) for message in qualified_name(type_)]
    return errors


def _nominated(new: str, old: str, bound: bool) -> Errors:
    if not new or new == old:
        return []
    path = "status.nominatedNodeName"
    errors = [invalid(path, new, message) for message in dns1123_subdomain(new)]
    return [*errors, forbidden(path, "may not be set on pods that are already bound to a node")] if bound else errors


def _addresses(status: Obj, was: Obj, name: str) -> Errors:
    """New addresses are valid, and there is at most one of each family."""
    listed = status.get(name)
    if not listed or listed == was.get(name):
        return []
    path, kept = f"status.{name}", {entry.get("ip") for entry in was.get(name) or ()}
    texts = [entry.get("ip") or "" for entry in listed]
    errors = [invalid(f"{path}[{i}].ip", ip, m) for i, ip in enumerate(texts) if ip not in kept for m in legacy_ip(ip)]
    if len(texts) > 1 and (len(texts) > 2 or len({":" in ip for ip in texts}) < 2):
        errors.append(invalid(path, [{"IP": ip} for ip in texts], "may specify no more than one IP for each IP family"))
    return errors


def _claims(claims: list[Obj], spec: Obj) -> Errors:
    errors: Errors = []
    known = {claim.get("name") for claim in spec.get("resourceClaims") or ()}
    seen: set[str] = set()
    for i, claim in enumerate(claims):
        at, name = index("status.resourceClaimStatuses", i), claim.get("name") or ""
        if name not in known:
            errors.append(invalid(child(at, "name"), name, "must match the name of an entry in `spec.resourceClaims`"))
        if name in seen:
            errors.append(duplicate(child(at, "name"), name))
        seen.add(name)
        if (made := claim.get("resourceClaimName")) is not None:
            errors += [invalid(child(at, "resourceClaimName"), made, message) for message in dns1123_subdomain(made)]
    return errors


def _user(user: Obj, spec: Obj, path: str) -> Errors:
    linux = user.get("linux")
    if linux is None:
        return []
    if ((spec.get("os") or {}).get("name") or "linux") == "windows":
        return [forbidden(path, "cannot be set for a windows pod")]
    groups = [(f"supplementalGroups[{i}]", gid) for i, gid in enumerate(linux.get("supplementalGroups") or ())]
    ids = [("uid", linux.get("uid") or 0), ("gid", linux.get("gid") or 0), *groups]
    return [invalid(child(path, name), id_, f"must be between 0 and {_MAX_ID}, inclusive") for name, id_ in ids if not 0 <= id_ <= _MAX_ID]


def _allocated(entry: Obj, allocated: list[Obj], spec: Obj, containers: str, path: str) -> Errors:
    if not containers:
        return [forbidden(path, "must not be specified in container status")]
    errors: Errors = []
    container = next((c for c in spec.get(containers) or () if c.get("name") == entry.get("name")), None)
    for i, resource in enumerate(allocated):
        at, name = index(path, i), resource.get("name") or ""
        if container is not None and (why := _unknown(name, container.get("resources") or {})):
            errors.append(invalid(child(at, "name"), name, why))
        errors += _devices(resource.get("resources") or (), child(at, "resources"))
    return errors


def _unknown(name: str, resources: Obj) -> str:
    if name.startswith("claim:"):
        claims = resources.get("claims") or ()
        known = {f"claim:{c.get('name')}" + (f"/{c['request']}" if c.get("request") else "") for c in claims}
        return "" if name in known else _UNKNOWN_CLAIM
    return "" if name in (resources.get("requests") or {}) else "must match one of the container's resource requests"


def _devices(devices: list[Obj] | tuple[()], path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for i, device in enumerate(devices):
        at, id_, health, message = index(path, i), device.get("resourceID") or "", device.get("health") or "", device.get("message")
        if health not in _HEALTH:
            errors.append(not_supported(child(at, "health"), health, _HEALTH))
        if message == "":
            errors.append(required(child(at, "message"), "must be non-empty if specified"))
        elif message is not None and len(message.encode()) > _MAX_MESSAGE:
            errors.append(too_long(child(at, "message"), _MAX_MESSAGE))
        if id_ in seen:
            errors.append(duplicate(child(at, "resourceID"), id_))
        seen.add(id_)
    return errors
