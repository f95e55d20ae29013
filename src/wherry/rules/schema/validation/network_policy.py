"""NetworkPolicies: what is wrong with one, and what its writer is warned of.

Called by the strategy. Blocks that the old object had may stay as they are.
Source: pkg/apis/networking/validation/validation.go ValidateNetworkPolicySpec; registry/networking/networkpolicy/strategy.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from wherry.api.field import Errors, child, forbidden, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.addresses import cidr_warnings, legacy_cidr, parse_cidr
from wherry.rules.objects.names import port_name, port_number
from wherry.rules.schema.validation.labels import label_selector

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_TYPES = ("Ingress", "Egress")
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))


def validate_policy(obj: Obj) -> Errors:
    return _spec(obj.get("spec") or {}, frozenset(), any_value=False)


def validate_policy_update(new: Obj, old: Obj) -> Errors:
    before = old.get("spec") or {}
    known = frozenset(cidr for _, block in _blocks(before) for cidr in (block.get("cidr", ""), *(block.get("except") or ())))
    return _spec(new.get("spec") or {}, known, any_value=bool(label_selector(before.get("podSelector"), "")))


def _blocks(spec: Obj) -> Iterator[tuple[str, Obj]]:
    """Every ipBlock with its path."""
    for rules, peers in _DIRECTIONS:
        for i, rule in enumerate(spec.get(rules) or ()):
            for j, peer in enumerate(rule.get(peers) or ()):
                if peer.get("ipBlock") is not None:
                    yield f"spec.{rules}[{i}].{peers}[{j}].ipBlock", peer["ipBlock"]


def _spec(spec: Obj, known: frozenset[str], *, any_value: bool) -> Errors:
    errors = label_selector(spec.get("podSelector"), "spec.podSelector", any_value=any_value)
    for rules, peers in _DIRECTIONS:
        for i, rule in enumerate(spec.get(rules) or ()):
            path = index(child("spec", rules), i)
            errors += [e for j, port in enumerate(rule.get("ports") or ()) for e in _port(port, index(child(path, "ports"), j))]
            for j, peer in enumerate(rule.get(peers) or ()):
                errors += _peer(peer, index(child(path, peers), j), known, any_value)
    types = spec.get("policyTypes") or []
    if len(types) > len(_TYPES):
        return [*errors, invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
    return errors + [not_supported(index("spec.policyTypes", i), t, _TYPES) for i, t in enumerate(types) if t not in _TYPES]


def _port(entry: Obj, path: str) -> Errors:
    protocol, port, end = entry.get("protocol"), entry.get("port"), entry.get("endPort")
    at, end_at = child(path, "port"), child(path, "endPort")
    errors: Errors = []
    if protocol is not None and protocol not in _PROTOCOLS:
        errors.append(not_supported(child(path, "protocol"), protocol, _PROTOCOLS))
    if port is None:
        return errors if end is None else [*errors, invalid(end_at, end, "may not be specified when `port` is not specified")]
    if isinstance(port, str):
        if end is not None:
            errors.append(invalid(end_at, end, "may not be specified when `port` is non-numeric"))
        return errors + [invalid(at, port, m) for m in port_name(port)]
    errors += [invalid(at, port, m) for m in port_number(port)]
    if end is not None:
        if end < port:
            errors.append(invalid(end_at, port, "must be greater than or equal to `port`"))
        errors += [invalid(end_at, end, m) for m in port_number(end)]
    return errors


def _peer(peer: Obj, path: str, known: frozenset[str], any_value: bool) -> Errors:
    errors: Errors = []
    selectors = [name for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None]
    for name in selectors:
        errors += label_selector(peer[name], child(path, name), any_value=any_value)
    block = peer.get("ipBlock")
    if block is not None:
        errors += _block(block, child(path, "ipBlock"), known)
        if selectors:
            errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    elif not selectors:
        errors.append(required(path, "must specify a peer"))
    return errors


def _block(block: Obj, path: str, known: frozenset[str]) -> Errors:
    cidr, at = block.get("cidr") or "", child(path, "cidr")
    if not cidr:
        return [required(at)]
    errors = [] if cidr in known else [invalid(at, cidr, m) for m in legacy_cidr(cidr)]
    outer = parse_cidr(cidr)
    if outer is None:
        return errors
    for i, part in enumerate(block.get("except") or ()):
        at = index(child(path, "except"), i)
        errors += [] if part in known else [invalid(at, part, m) for m in legacy_cidr(part)]
        inner = parse_cidr(part)
        if inner is not None and (inner.network_address not in outer or outer.prefixlen >= inner.prefixlen):
            errors.append(invalid(at, part, "must be a strict subset of `cidr`"))
    return errors


def policy_warnings(new: Obj, old: Obj | None) -> list[str]:
    warnings: list[str] = []
    for path, block in _blocks(new.get("spec") or {}):
        warnings += cidr_warnings(child(path, "cidr"), block.get("cidr", ""))
        for i, part in enumerate(block.get("except") or ()):
            warnings += cidr_warnings(index(child(path, "except"), i), part)
    return warnings
