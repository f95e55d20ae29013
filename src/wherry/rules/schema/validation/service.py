"""Services: what is wrong with one, with a change of one, and what its writer is warned of.

Called by the strategy after `wherry.rules.networking.services.allocation` has filled in addresses and ports.
Source: pkg/apis/core/validation/validation.go validateService, ValidateServiceUpdate; pkg/api/service/warnings.go.
"""

from __future__ import annotations

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, key, not_supported, required, show
from wherry.api.objects import Obj
from wherry.rules.objects.addresses import legacy_cidr, legacy_ip, parse_ip
from wherry.rules.objects.names import dns1123_label, dns1123_subdomain, port_number, qualified_name
from wherry.rules.schema.defaults.service import externally_accessible
from wherry.rules.schema.validation.labels import annotations_of, labels
from wherry.rules.schema.validation.ports import PROTOCOLS, endpoint_ip, port_number_or_name
from wherry.rules.schema.validation.service_ips import cluster_ips, cluster_ips_change, is_headless

HINTS = "service.kubernetes.io/topology-aware-hints"
MODE = "service.kubernetes.io/topology-mode"
SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_ONLY_BALANCER = "may only be used when `type` is 'LoadBalancer'"
_NOT_EXTERNAL_NAME = "may not be set for ExternalName services"
_MAX_AFFINITY = 86400


def validate_service(obj: Obj) -> Errors:
    """All errors of a new Service's annotations and spec."""
    return _service(obj, None)


def validate_service_update(new: Obj, old: Obj) -> Errors:
    """Errors of the change, then those of the new object; what the old one had may stay."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = cluster_ips_change(spec, before)
    if spec.get("type") == before.get("type") == "LoadBalancer" and spec.get("loadBalancerClass") != before.get("loadBalancerClass"):
        errors.append(invalid("spec.loadBalancerClass", spec.get("loadBalancerClass"), "may not change once set"))
    errors += _load_balancer_class(spec)
    if _health_checked(before) and _health_checked(spec) and spec.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
        errors.append(forbidden("spec.healthCheckNodePort", "field is immutable"))
    return errors + _service(new, old)


def _service(obj: Obj, old: Obj | None) -> Errors:
    spec, before = obj.get("spec") or {}, (old or {}).get("spec") or {}
    errors = _topology(obj)
    if not spec.get("ports") and not is_headless(spec) and spec.get("type") != "ExternalName":
        errors.append(required("spec.ports"))
    errors += _by_type(spec)
    errors += _ports(spec.get("ports") or [])
    errors += labels(spec.get("selector"), "spec.selector")
    errors += _session(spec)
    errors += cluster_ips(spec, before or None)
    errors += _external_ips(spec, before)
    errors += _type(spec)
    errors += _duplicate_ports(spec.get("ports") or [])
    errors += _source_ranges(obj, old)
    errors += _balancer(spec)
    errors += _load_balancer_class(spec)
    errors += _external_traffic(spec)
    return errors + _internal_traffic(spec)


def _topology(obj: Obj) -> Errors:
    notes = annotations_of(obj)
    if MODE in notes and HINTS in notes and notes[MODE] != notes[HINTS]:
        detail = f"must match annotations[{HINTS}] when both are specified"
        return [invalid(key("metadata.annotations", MODE), notes[MODE], detail)]
    return []


def _by_type(spec: Obj) -> Errors:
    type_ = spec.get("type")
    if type_ in ("LoadBalancer", "NodePort") and is_headless(spec):
        return [invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {type_} services")]
    if type_ != "ExternalName":
        return []
    unset = ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
    errors: Errors = [forbidden(child("spec", k), _NOT_EXTERNAL_NAME) for k in unset if spec.get(k)]
    target = (spec.get("externalName") or "").removesuffix(".")
    if not target:
        return [*errors, required("spec.externalName")]
    return errors + [invalid("spec.externalName", target, m) for m in dns1123_subdomain(target)]


def _ports(ports: list[Obj]) -> Errors:
    errors: Errors = []
    names: set[str] = set()
    for i, port in enumerate(ports):
        path = index("spec.ports", i)
        name = port.get("name") or ""
        if name:
            errors += [invalid(child(path, "name"), name, m) for m in dns1123_label(name)]
            if name in names:
                errors.append(duplicate(child(path, "name"), name))
            names.add(name)
        elif len(ports) > 1:
            errors.append(required(child(path, "name")))
        errors += _port(port, path)
    return errors


def _port(port: Obj, path: str) -> Errors:
    number = port.get("port", 0)
    errors = [invalid(child(path, "port"), number, m) for m in port_number(number)]
    protocol = port.get("protocol")
    if not protocol:
        errors.append(required(child(path, "protocol")))
    elif protocol not in PROTOCOLS:
        errors.append(not_supported(child(path, "protocol"), protocol, PROTOCOLS))
    errors += port_number_or_name(port.get("targetPort", 0), child(path, "targetPort"))
    if (app := port.get("appProtocol")) is not None:
        errors += [invalid(child(path, "appProtocol"), app, m) for m in qualified_name(app)]
    return errors


def _session(spec: Obj) -> Errors:
    affinity, config = spec.get("sessionAffinity"), spec.get("sessionAffinityConfig")
    path = "spec.sessionAffinityConfig"
    if not affinity:
        return [required("spec.sessionAffinity")]
    if affinity == "None":
        return [] if config is None else [forbidden(path, "must not be set when session affinity is None")]
    if affinity != "ClientIP":
        return [not_supported("spec.sessionAffinity", affinity, ("ClientIP", "None"))]
    seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds")
    path = child(path, "clientIP", "timeoutSeconds")
    if seconds is None:
        return [required(path, "when session affinity type is ClientIP")]
    if not 0 < seconds <= _MAX_AFFINITY:
        return [invalid(path, seconds, f"must be greater than 0 and less than {_MAX_AFFINITY}")]
    return []


def _external_ips(spec: Obj, before: Obj) -> Errors:
    errors: Errors = []
    known = before.get("externalIPs") or ()
    for i, ip in enumerate(spec.get("externalIPs") or ()):
        path = index("spec.externalIPs", i)
        bad = [] if ip in known else [invalid(path, ip, m) for m in legacy_ip(ip)]
        errors += bad or endpoint_ip(ip, path)
    return errors


def _type(spec: Obj) -> Errors:
    type_ = spec.get("type")
    if not type_:
        return [required("spec.type")]
    if type_ not in _TYPES:
        return [not_supported("spec.type", type_, _TYPES)]
    if type_ != "ClusterIP":
        return []
    detail = "may not be used when `type` is 'ClusterIP'"
    ports = enumerate(spec.get("ports") or ())
    return [forbidden(child(index("spec.ports", i), "nodePort"), detail) for i, p in ports if p.get("nodePort")]


def _duplicate_ports(ports: list[Obj]) -> Errors:
    errors: Errors = []
    node_ports: set[tuple[str, int]] = set()
    for i, port in enumerate(ports):
        if node_port := port.get("nodePort"):
            pair = (port.get("protocol", ""), node_port)
            if pair in node_ports:
                errors.append(duplicate(child(index("spec.ports", i), "nodePort"), node_port))
            node_ports.add(pair)
    seen: set[tuple[str, int]] = set()
    for i, port in enumerate(ports):
        pair = (port.get("protocol", ""), port.get("port", 0))
        if pair in seen:
            errors.append(_duplicate_port(*pair, index("spec.ports", i)))
        seen.add(pair)
    return errors


def _duplicate_port(protocol: str, port: int, path: str) -> Cause:
    """The value is a port as the reference's server holds it, with nothing but protocol and number set."""
    shown = f'{{"Name":"","Protocol":{show(protocol)},"AppProtocol":null,"Port":{port},"TargetPort":0,"NodePort":0}}'
    return Cause("FieldValueDuplicate", f"Duplicate value: {shown}", path)


def _source_ranges(obj: Obj, old: Obj | None) -> Errors:
    spec, before = obj.get("spec") or {}, (old or {}).get("spec") or {}
    ranges: list[str] = spec.get("loadBalancerSourceRanges") or []
    note = annotations_of(obj).get(SOURCE_RANGES)
    if not ranges and note is None:
        return []
    path = "spec.LoadBalancerSourceRanges" if ranges else key("metadata.annotations", SOURCE_RANGES)
    errors: Errors = [] if spec.get("type") == "LoadBalancer" else [forbidden(path, _ONLY_BALANCER)]
    if ranges:
        known = {r.strip() for r in before.get("loadBalancerSourceRanges") or ()}
        values = [(index(path, i), r.strip()) for i, r in enumerate(ranges)]
        return errors + [invalid(p, r, m) for p, r in values if r not in known for m in legacy_cidr(r)]
    if note and note.strip() and (old is None or annotations_of(old).get(SOURCE_RANGES) != note):
        errors += [invalid(path, r, m) for r in map(str.strip, note.strip().split(",")) for m in legacy_cidr(r)]
    return errors


def _balancer(spec: Obj) -> Errors:
    allocate, balancer = spec.get("allocateLoadBalancerNodePorts"), spec.get("type") == "LoadBalancer"
    if allocate is not None and not balancer:
        return [forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_BALANCER)]
    return [required("allocateLoadBalancerNodePorts")] if balancer and allocate is None else []


def _load_balancer_class(spec: Obj) -> Errors:
    name = spec.get("loadBalancerClass")
    if name is None:
        return []
    if spec.get("type") != "LoadBalancer":
        return [forbidden("spec.loadBalancerClass", _ONLY_BALANCER)]
    return [invalid("spec.loadBalancerClass", name, m) for m in qualified_name(name)]


def _health_checked(spec: Obj) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _external_traffic(spec: Obj) -> Errors:
    policy, path = spec.get("externalTrafficPolicy") or "", "spec.externalTrafficPolicy"
    errors: Errors = []
    if not externally_accessible(spec):
        if policy:
            errors.append(invalid(path, policy, "may only be set for externally-accessible services"))
    elif not policy:
        errors.append(required(path))
    elif policy not in _POLICIES:
        errors.append(not_supported(path, policy, _POLICIES))
    port, path = spec.get("healthCheckNodePort") or 0, "spec.healthCheckNodePort"
    if not _health_checked(spec):
        if port:
            errors.append(invalid(path, port, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"))
    elif not port:
        errors.append(required(path))
    return errors + ([invalid(path, port, m) for m in port_number(port)] if port and _health_checked(spec) else [])


def _internal_traffic(spec: Obj) -> Errors:
    policy, distribution = spec.get("internalTrafficPolicy"), spec.get("trafficDistribution")
    errors: Errors = []
    if policy is None:
        if spec.get("type") in ("NodePort", "LoadBalancer", "ClusterIP"):
            errors.append(required("spec.internalTrafficPolicy"))
    elif policy not in _POLICIES:
        errors.append(not_supported("spec.internalTrafficPolicy", policy, _POLICIES))
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        errors.append(not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS))
    return errors


def load_balancer_status(new: Obj, old: Obj) -> Errors:
    """Errors of `.status.loadBalancer`, shared with no other kind."""
    entries = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    known = {e.get("ip") for e in ((old.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()}
    path = "status.loadBalancer.ingress"
    if entries and (new.get("spec") or {}).get("type") != "LoadBalancer":
        return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    return [error for i, entry in enumerate(entries) for error in _ingress(entry, known, index(path, i))]


def _ingress(entry: Obj, known: set[str], path: str) -> Errors:
    ip, mode, host = entry.get("ip") or "", entry.get("ipMode"), entry.get("hostname") or ""
    errors = [invalid(child(path, "ip"), ip, m) for m in legacy_ip(ip)] if ip and ip not in known else []
    if mode is None:
        if ip:
            errors.append(required(child(path, "ipMode"), "must be specified when `ip` is set"))
    elif not ip:
        errors.append(forbidden(child(path, "ipMode"), "may not be specified when `ip` is not set"))
    elif mode not in ("Proxy", "VIP"):
        errors.append(not_supported(child(path, "ipMode"), mode, ("Proxy", "VIP")))
    if host:
        errors += [invalid(child(path, "hostname"), host, m) for m in dns1123_subdomain(host)]
        if parse_ip(host) is not None:
            errors.append(invalid(child(path, "hostname"), host, "must be a DNS name, not an IP address"))
    return errors
