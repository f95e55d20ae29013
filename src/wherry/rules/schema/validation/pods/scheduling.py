"""The plain fields of a pod spec: restarts, names, DNS, host aliases, tolerations, gates, deadlines.

Called by the rule of pod specs, each function for one field or a few that belong together.
Source: pkg/apis/core/validation ValidatePodSpec, ValidateTolerations, validatePodDNSConfig, ValidateHostAliases, validateSchedulingGates,
validatePodHostName; KEP-4858 (strict IP addresses), KEP-4427 (relaxed search paths), KEP-4762 (hostname override).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, not_supported, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.addresses import ip
from wherry.rules.objects.names import (
    dns1123_label,
    dns1123_subdomain,
    in_range,
    label_value,
    length,
    max_length,
    qualified_name,
    regex_message,
)
from wherry.rules.schema.validation.labels import label_key

RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTIONS = ("PreemptLowerPriority", "Never")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_OPERATORS = ("Equal", "Exists")
_MAX_SECONDS = 2**31 - 1
_LOOSE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_LOOSE = rf"{_LOOSE_LABEL}(\.{_LOOSE_LABEL})*"
_is_loose = re.compile(_LOOSE).fullmatch
_LOOSE_TEXT = regex_message(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', "
    "and must start and end with an alphanumeric character",
    _LOOSE, "example.com",
)  # fmt: skip
#: fields that name something, some of them in the middle of other fields -> the rule of such names
_SUBDOMAINS = ("serviceAccountName", "nodeName")
_LABELS = ("hostname", "subdomain")


def late_fields(spec: Obj, path: str) -> Errors:
    """From the service account to the preemption policy, in the reference's order."""
    get = spec.get
    errors = _names(spec, _SUBDOMAINS, dns1123_subdomain, path)
    deadline = get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _MAX_SECONDS:
        errors.append(invalid(child(path, "activeDeadlineSeconds"), deadline, in_range(1, _MAX_SECONDS)))
    errors += _names(spec, _LABELS, dns1123_label, path)
    if entries := get("tolerations"):
        errors += tolerations(entries, f"{path}.tolerations")
    if entries := get("hostAliases"):
        errors += host_aliases(entries, child(path, "hostAliases"))
    errors += _names(spec, ("priorityClassName",), dns1123_subdomain, path)
    runtime = get("runtimeClassName")
    if runtime is not None:
        errors += [invalid(child(path, "runtimeClassName"), runtime, m) for m in dns1123_subdomain(runtime)]
    preemption = get("preemptionPolicy")
    if preemption is not None and preemption not in _PREEMPTIONS:
        errors += choice(preemption, _PREEMPTIONS, child(path, "preemptionPolicy"))
    return errors


@lru_cache(maxsize=4096)
def _good(rule: Callable[[str], list[str]], value: str) -> bool:
    return not rule(value)


def _names(spec: Obj, fields: tuple[str, ...], rule: Callable[[str], list[str]], path: str) -> Errors:
    errors: Errors = []
    for name in fields:
        value = spec.get(name)
        if value and not _good(rule, value):
            errors += [invalid(child(path, name), value, m) for m in rule(value)]
    return errors


def choice(value: str | None, supported: tuple[str, ...], path: str) -> Errors:
    """A required choice."""
    if not value:
        return [required(path)]
    return [] if value in supported else [not_supported(path, value, supported)]


def tolerations(entries: list[Obj], path: str) -> Errors:
    errors: Errors = []
    for i, entry in enumerate(entries):
        at = f"{path}[{i}]"
        key, operator, effect = entry.get("key") or "", entry.get("operator") or "", entry.get("effect") or ""
        if key:
            if not _good(qualified_name, key):
                errors += label_key(key, child(at, "key"))
        elif operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid(child(at, "operator"), operator, text))
        if effect != "NoExecute" and entry.get("tolerationSeconds") is not None:
            errors.append(invalid(child(at, "effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"))
        errors += _operator(operator, entry.get("value") or "", f"{at}.operator")
        if effect and effect not in _EFFECTS:
            errors.append(not_supported(child(at, "effect"), effect, _EFFECTS))
    return errors


def _operator(operator: str, value: str, path: str) -> Errors:
    """Lt and Gt wait for their feature gate (KEP-5471)."""
    if operator == "Exists":
        return [invalid(path, value, "value must be empty when `operator` is 'Exists'")] if value else []
    if operator in ("", "Equal"):
        messages = label_value(value)
        return [invalid(path, value, ";".join(messages))] if messages else []
    supported = (*_OPERATORS, "Lt", "Gt") if operator in ("Lt", "Gt") else _OPERATORS
    return [not_supported(path, operator, supported)]


def _address(value: str, path: str) -> Errors:
    """Strict, but not bound to the canonical form."""
    return [invalid(path, value, m) for m in ip(value) if not m.startswith("must be in canonical form")]


def host_aliases(entries: list[Obj], path: str) -> Errors:
    errors: Errors = []
    for i, entry in enumerate(entries):
        at = index(path, i)
        errors += _address(entry.get("ip") or "", child(at, "ip"))
        for j, name in enumerate(entry.get("hostnames") or ()):
            errors += [invalid(index(child(at, "hostnames"), j), name, m) for m in dns1123_subdomain(name)]
    return errors


def dns_config(config: Obj | None, policy: str, path: str) -> Errors:
    """Without the cluster's DNS a pod says which servers it asks."""
    if policy == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            return [required(child(path, "nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None")]
    if config is None:
        return []
    servers, at = config.get("nameservers") or [], child(path, "nameservers")
    errors: Errors = [invalid(at, servers, "must not have more than 3 nameservers")] if len(servers) > 3 else []
    errors += [e for i, server in enumerate(servers) for e in _address(server, index(at, i))]
    errors += _searches(config.get("searches") or [], child(path, "searches"))
    options = enumerate(config.get("options") or ())
    return errors + [required(index(child(path, "options"), i), "must not be empty") for i, o in options if not o.get("name")]


def _searches(searches: list[str], path: str) -> Errors:
    errors: Errors = [invalid(path, searches, "must not have more than 32 search paths")] if len(searches) > 32 else []
    if length(" ".join(searches)) > 2048:
        errors.append(invalid(path, searches, "must not have more than 2048 characters (including spaces) in the search list"))
    for i, search in enumerate(searches):
        name = search.removesuffix(".")
        if search == ".":
            continue
        messages = [max_length(253)] if length(name) > 253 else []
        if not _is_loose(name):
            messages.append(_LOOSE_TEXT)
        errors += [invalid(index(path, i), name, m) for m in messages]
    return errors


def readiness_gates(entries: list[Obj], path: str) -> Errors:
    return [e for i, g in enumerate(entries) for e in label_key(g.get("conditionType") or "", child(index(path, i), "conditionType"))]


def scheduling_gates(entries: list[Obj], path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for i, gate in enumerate(entries):
        name, at = gate.get("name") or "", index(path, i)
        errors += label_key(name, at)
        if name in seen:
            errors.append(duplicate(at, name))
        seen.add(name)
    return errors


def hostname_override(spec: Obj, path: str) -> Errors:
    """`path` is that of the spec."""
    name, at = spec["hostnameOverride"], child(path, "hostnameOverride")
    fields = ("setHostnameAsFQDN", "hostNetwork")
    errors: Errors = [forbidden(at, f"may not be specified when {f} is true") for f in fields if spec.get(f)]
    if length(name) > 64:
        errors.append(too_long(at, 64))
    return errors + [invalid(at, name, m) for m in dns1123_subdomain(name)]
