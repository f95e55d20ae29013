"""Endpoints and EndpointSlices: what is wrong with one, and what its writer is warned of.

Called by the strategies. An update may keep bad parts that it does not touch.
Source: pkg/apis/core/validation/validation.go ValidateEndpoints; pkg/apis/discovery/validation; their registries' strategies.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, duplicate, index, invalid, not_supported, required, too_many
from wherry.api.objects import Obj, labels
from wherry.rules.objects.addresses import ip, ip_warnings, legacy_ip, parse_ip
from wherry.rules.objects.names import dns1123_label, dns1123_subdomain, label_value, port_number, qualified_name
from wherry.rules.schema.validation.labels import labels as label_errors
from wherry.rules.schema.validation.metadata import IMMUTABLE
from wherry.rules.schema.validation.ports import PROTOCOLS, endpoint_ip

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_SLICE_MANAGERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")


def validate_endpoints(obj: Obj) -> Errors:
    return [error for i, subset in enumerate(obj.get("subsets") or ()) for error in _subset(subset, index("subsets", i))]


def validate_endpoints_update(new: Obj, old: Obj) -> Errors:
    errors = validate_endpoints(new)
    return [] if errors and (new.get("subsets") or []) == (old.get("subsets") or []) else errors


def _subset(subset: Obj, path: str) -> Errors:
    ready, not_ready, ports = (subset.get(k) or [] for k in ("addresses", "notReadyAddresses", "ports"))
    errors: Errors = [] if ready or not_ready else [required(path, "must specify `addresses` or `notReadyAddresses`")]
    for name, entries in (("addresses", ready), ("notReadyAddresses", not_ready)):
        errors += [e for i, entry in enumerate(entries) for e in _address(entry, index(child(path, name), i))]
    return errors + [e for i, port in enumerate(ports) for e in _port(port, len(ports) > 1, index(child(path, "ports"), i))]


def _address(entry: Obj, path: str) -> Errors:
    address, host, node = entry.get("ip", ""), entry.get("hostname") or "", entry.get("nodeName")
    errors = [invalid(child(path, "ip"), address, m) for m in legacy_ip(address)]
    if host:
        errors += [invalid(child(path, "hostname"), host, m) for m in dns1123_label(host)]
    if node is not None:
        errors += [invalid(child(path, "nodeName"), node, m) for m in dns1123_subdomain(node)]
    return errors + endpoint_ip(address, child(path, "ip"))


def _port(port: Obj, needs_name: bool, path: str) -> Errors:
    name, number, protocol = port.get("name") or "", port.get("port", 0), port.get("protocol") or ""
    errors: Errors = []
    if name:
        errors += [invalid(child(path, "name"), name, m) for m in dns1123_label(name)]
    elif needs_name:
        errors.append(required(child(path, "name")))
    errors += [invalid(child(path, "port"), number, m) for m in port_number(number)]
    return errors + _protocols(port, protocol, path)


def _protocols(port: Obj, protocol: str, path: str) -> Errors:
    errors: Errors = []
    if not protocol:
        errors.append(required(child(path, "protocol")))
    elif protocol not in PROTOCOLS:
        errors.append(not_supported(child(path, "protocol"), protocol, PROTOCOLS))
    if (app := port.get("appProtocol")) is not None:
        errors += [invalid(child(path, "appProtocol"), app, m) for m in qualified_name(app)]
    return errors


def endpoints_warnings(new: Obj, old: Obj | None) -> list[str]:
    """The deprecation of the kind itself is the server's, for every request of it."""
    if labels(new).get("endpoints.kubernetes.io/managed-by") == "endpoint-controller":
        return []
    return [
        warning
        for i, subset in enumerate(new.get("subsets") or ())
        for part in ("addresses", "notReadyAddresses")
        for j, entry in enumerate(subset.get(part) or ())
        for warning in ip_warnings(f"subsets[{i}].{part}[{j}].ip", entry.get("ip", ""))
    ]


def validate_slice(obj: Obj) -> Errors:
    return _slice(obj, None)


def validate_slice_update(new: Obj, old: Obj) -> Errors:
    errors = _slice(new, old)
    if new.get("addressType") != old.get("addressType"):
        errors.append(invalid("addressType", new.get("addressType", ""), IMMUTABLE))
    return errors


def _slice(obj: Obj, old: Obj | None) -> Errors:
    kind = obj.get("addressType") or ""
    errors: Errors = []
    if not kind:
        errors.append(required("addressType"))
    elif kind not in _ADDRESS_TYPES:
        errors.append(not_supported("addressType", kind, _ADDRESS_TYPES))
    errors += _slice_ports(obj.get("ports") or [])
    bad = _slice_endpoints(obj.get("endpoints") or [], kind)
    if bad and old is not None and (old.get("endpoints") or []) == (obj.get("endpoints") or []):
        bad = []
    return errors + bad


def _slice_ports(ports: list[Obj]) -> Errors:
    if len(ports) > 20000:
        return [too_many("ports", len(ports), 20000)]
    errors: Errors = []
    names: set[str] = set()
    for i, port in enumerate(ports):
        path, name = index("ports", i), port.get("name") or ""
        if name:
            errors += [invalid(child(path, "name"), name, m) for m in dns1123_label(name)]
        if name in names:
            errors.append(duplicate(child(path, "name"), name))
        names.add(name)
        protocol = port.get("protocol")
        if protocol == "":
            errors.append(not_supported(child(path, "protocol"), "", PROTOCOLS))
        else:
            errors += _protocols(port, protocol or "", path)
    return errors


def _slice_endpoints(endpoints: list[Obj], kind: str) -> Errors:
    if len(endpoints) > 1000:
        return [too_many("endpoints", len(endpoints), 1000)]
    return [error for i, endpoint in enumerate(endpoints) for error in _endpoint(endpoint, kind, index("endpoints", i))]


def _endpoint(endpoint: Obj, kind: str, path: str) -> Errors:
    addresses, at = endpoint.get("addresses") or [], child(path, "addresses")
    errors: Errors = []
    if not addresses:
        errors.append(required(at, "must contain at least 1 address"))
    elif len(addresses) > 100:
        errors.append(too_many(at, len(addresses), 100))
    errors += [e for i, address in enumerate(addresses) for e in _slice_address(address, kind, at, index(at, i))]
    if (node := endpoint.get("nodeName")) is not None:
        errors += [invalid(child(path, "nodeName"), node, m) for m in dns1123_subdomain(node)]
    topology = endpoint.get("deprecatedTopology") or {}
    if len(topology) > 16:
        errors.append(too_many(child(path, "deprecatedTopology"), len(topology), 16))
    errors += label_errors(topology, child(path, "deprecatedTopology"))
    if (host := endpoint.get("hostname")) is not None:
        errors += [invalid(child(path, "hostname"), host, m) for m in dns1123_label(host)]
    return errors + (_hints(endpoint["hints"], child(path, "hints")) if endpoint.get("hints") else [])


def _slice_address(address: str, kind: str, path: str, at: str) -> Errors:
    if kind == "FQDN":
        return _domain(address, at)
    if kind not in ("IPv4", "IPv6"):
        return []
    if errors := [invalid(at, address, m) for m in (legacy_ip if kind == "IPv4" else ip)(address)]:
        return errors
    parsed = parse_ip(address)
    if parsed is not None and f"IPv{parsed.version}" != kind:
        errors.append(invalid(path, address, f"must be an {kind} address"))
    return errors + endpoint_ip(address, at)


def _domain(name: str, path: str) -> Errors:
    if not name:
        return [required(path)]
    name = name.removesuffix(".")
    if messages := dns1123_subdomain(name):
        return [invalid(path, name, ",".join(messages))]
    if "." not in name:
        return [invalid(path, name, "should be a domain with at least two segments separated by dots")]
    return [invalid(path, part, ",".join(dns1123_label(part))) for part in name.split(".") if dns1123_label(part)][:1]


def _hints(hints: Obj, path: str) -> Errors:
    errors: Errors = []
    for name, rule in (("forZones", label_value), ("forNodes", dns1123_subdomain)):
        entries, at = [e.get("name", "") for e in hints.get(name) or ()], child(path, name)
        if len(entries) > 8:
            return [*errors, too_many(at, len(entries), 8)]
        for i, entry in enumerate(entries):
            if entry in entries[:i]:
                errors.append(duplicate(child(index(at, i), "name"), entry))
            errors += [invalid(child(index(at, i), "name"), entry, m) for m in rule(entry)]
    return errors


def slice_warnings(new: Obj, old: Obj | None) -> list[str]:
    warnings = ["spec.addressType: FQDN endpoints are deprecated"] if old is None and new.get("addressType") == "FQDN" else []
    if labels(new).get("endpointslice.kubernetes.io/managed-by") in _SLICE_MANAGERS:
        return warnings
    return warnings + [
        warning
        for i, endpoint in enumerate(new.get("endpoints") or ())
        for j, address in enumerate(endpoint.get("addresses") or ())
        for warning in ip_warnings(f"endpoints[{i}].addresses[{j}]", address)
    ]
