"""Ingresses, IngressClasses and NetworkPolicies: what is wrong with one, and with a change of one.

Called by the strategies.
Source: pkg/apis/networking/validation/validation.go.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, forbidden, index, invalid, not_supported, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.addresses import legacy_ip, parse_ip
from wherry.rules.objects.names import (
    dns1123_label,
    dns1123_subdomain,
    length,
    path_segment_name,
    port_name,
    port_number,
    regex_message,
    wildcard_dns1123_subdomain,
)
from wherry.rules.schema.validation.labels import annotations_of
from wherry.rules.schema.validation.metadata import IMMUTABLE

_CLASS_NOTE = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_NOT_IN_PATH = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_END = ("/..", "/.")
_NO_ADDRESS = "must be a DNS name, not an IP address"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_HTTP_PATH_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-._~%!$&'()*+,;=:")


def validate_ingress(obj: Obj) -> Errors:
    errors = _spec(obj.get("spec") or {}, any_secret=False, any_wildcard=False)
    note, name = annotations_of(obj).get(_CLASS_NOTE), (obj.get("spec") or {}).get("ingressClassName")
    if note is not None and name is not None and note != name:
        path = child("annotations", _CLASS_NOTE)
        errors.append(invalid(path, note, "must match `ingressClassName` when both are specified"))
    return errors


def validate_ingress_update(new: Obj, old: Obj) -> Errors:
    """Bad secret names, and bad rules of wildcard hosts, may stay when there were such before."""
    before = old.get("spec") or {}
    any_secret = any(dns1123_subdomain(t["secretName"]) for t in before.get("tls") or () if t.get("secretName"))
    any_wildcard = any("*" in (r.get("host") or "") and _rule_value(r, "") for r in before.get("rules") or ())
    return _spec(new.get("spec") or {}, any_secret=any_secret, any_wildcard=any_wildcard)


def _spec(spec: Obj, *, any_secret: bool, any_wildcard: bool) -> Errors:
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    errors: Errors = []
    if not rules and backend is None:
        errors.append(invalid("spec", spec.get("rules"), "either `defaultBackend` or `rules` must be specified"))
    if backend is not None:
        errors += _backend(backend, "spec.defaultBackend")
    for i, rule in enumerate(rules):
        path = index("spec.rules", i)
        host = rule.get("host") or ""
        errors += _host(host, child(path, "host"))
        if "*" not in host or not any_wildcard:
            errors += _rule_value(rule, path)
    errors += [e for i, tls in enumerate(spec.get("tls") or ()) for e in _tls(tls, index("spec.tls", i), any_secret)]
    if (name := spec.get("ingressClassName")) is not None:
        errors += [invalid("spec.ingressClassName", name, m) for m in dns1123_subdomain(name)]
    return errors


def _host(host: str, path: str) -> Errors:
    if not host:
        return []
    errors: Errors = [invalid(path, host, _NO_ADDRESS)] if parse_ip(host) is not None else []
    rule = wildcard_dns1123_subdomain if "*" in host else dns1123_subdomain
    return errors + [invalid(path, host, m) for m in rule(host)]


def _tls(tls: Obj, path: str, any_secret: bool) -> Errors:
    errors: Errors = []
    for i, host in enumerate(tls.get("hosts") or ()):
        rule = wildcard_dns1123_subdomain if "*" in host else dns1123_subdomain
        errors += [invalid(index(child(path, "hosts"), i), host, m) for m in rule(host)]
    if (name := tls.get("secretName")) and not any_secret:
        errors += [invalid(child(path, "secretName"), name, m) for m in dns1123_subdomain(name)]
    return errors


def _rule_value(rule: Obj, path: str) -> Errors:
    http = rule.get("http")
    if http is None:
        return []
    at, paths = child(path, "http", "paths"), http.get("paths") or []
    if not paths:
        return [required(at)]
    return [e for i, entry in enumerate(paths) for e in _path(entry, index(at, i))]


def _path(entry: Obj, path: str) -> Errors:
    kind, value, at = entry.get("pathType"), entry.get("path") or "", child(path, "path")
    if kind is None:
        return [required(child(path, "pathType"), "pathType must be specified")]
    errors: Errors = []
    if kind not in _PATH_TYPES:
        errors.append(not_supported(child(path, "pathType"), kind, _PATH_TYPES))
    elif not value.startswith("/") and (value or kind != "ImplementationSpecific"):
        errors.append(invalid(at, value, "must be an absolute path"))
    if kind in ("Exact", "Prefix"):
        errors += [invalid(at, value, f"must not contain '{part}'") for part in _NOT_IN_PATH if part in value]
        errors += [invalid(at, value, f"cannot end with '{end}'") for end in _NOT_AT_END if value.endswith(end)]
    return errors + _backend(entry.get("backend") or {}, child(path, "backend"))


def _backend(backend: Obj, path: str) -> Errors:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _reference(resource, child(path, "resource"))
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    name, at = service.get("name") or "", child(path, "service", "name")
    errors = [invalid(at, name, m) for m in dns1123_label(name)] if name else [required(at)]
    port = service.get("port") or {}
    named, number, at = port.get("name") or "", port.get("number") or 0, child(path, "service", "port")
    if named and number:
        return [*errors, invalid(path, "", "cannot set both port name & port number")]
    if named:
        return errors + [invalid(child(at, "name"), named, m) for m in port_name(named)]
    if number:
        return errors + [invalid(child(at, "number"), number, m) for m in port_number(number)]
    return [*errors, required(path, "port name or number is required")]


def _reference(ref: Obj, path: str) -> Errors:
    group = ref.get("apiGroup")
    errors = [] if group is None else [invalid(child(path, "apiGroup"), group, m) for m in dns1123_subdomain(group)]
    for name in ("kind", "name"):
        value, at = ref.get(name) or "", child(path, name)
        errors += [invalid(at, value, m) for m in path_segment_name(value)] if value else [required(at)]
    return errors


def ingress_status(new: Obj, old: Obj) -> Errors:
    entries = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    known = {e.get("ip") for e in ((old.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()}
    errors: Errors = []
    for i, entry in enumerate(entries):
        path = index("status.loadBalancer.ingress", i)
        ip, host = entry.get("ip") or "", entry.get("hostname") or ""
        if ip and ip not in known:
            errors += [invalid(child(path, "ip"), ip, m) for m in legacy_ip(ip)]
        if host:
            errors += [invalid(child(path, "hostname"), host, m) for m in dns1123_subdomain(host)]
            if parse_ip(host) is not None:
                errors.append(invalid(child(path, "hostname"), host, _NO_ADDRESS))
    return errors


def validate_ingress_class(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    controller = spec.get("controller") or ""
    errors: Errors = [too_long("spec.controller", 250)] if length(controller) > 250 else []
    errors += domain_prefixed_path(controller, "spec.controller")
    if (parameters := spec.get("parameters")) is not None:
        errors += _parameters(parameters, "spec.parameters")
    return errors


def domain_prefixed_path(value: str, path: str) -> Errors:
    """`example.com/some/path`."""
    if not value:
        return [required(path)]
    host, _, rest = value.partition("/")
    if not host or not rest:
        return [invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    errors = [invalid(path, host, m) for m in dns1123_subdomain(host)]
    if not _HTTP_PATH_CHARS.issuperset(rest):
        errors.append(invalid(path, rest, regex_message("Invalid path", _HTTP_PATH)))
    return errors


def _parameters(ref: Obj, path: str) -> Errors:
    errors, scope, namespace = _reference(ref, path), ref.get("scope"), ref.get("namespace")
    at = child(path, "namespace")
    if scope is None:
        return [*errors, required(child(path, "scope"))]
    if scope not in ("Cluster", "Namespace"):
        return [*errors, not_supported(child(path, "scope"), scope, ("Cluster", "Namespace"))]
    if scope == "Cluster":
        return errors if namespace is None else [*errors, forbidden(at, "`parameters.scope` is set to 'Cluster'")]
    if namespace is None:
        return [*errors, required(at, "`parameters.scope` is set to 'Namespace'")]
    return errors + [invalid(at, namespace, m) for m in dns1123_label(namespace)]


def validate_ingress_class_update(new: Obj, old: Obj) -> Errors:
    controller, before = ((o.get("spec") or {}).get("controller", "") for o in (new, old))
    return [] if controller == before else [invalid("spec.controller", controller, IMMUTABLE)]
