"""Flow control: who a FlowSchema speaks of and what of, and how a PriorityLevelConfiguration limits.

Called by the strategies of both kinds, on create and update.
Source: pkg/apis/flowcontrol/validation/validation.go.
"""

from __future__ import annotations

import math

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label, dns1123_subdomain
from wherry.rules.schema.initial.flow_control import MANDATORY, made
from wherry.rules.texts.go_structs.flow_control import level_spec, schema_spec

#: from the time when no shares could not be told from none given
_ZERO_SHARES = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares"
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_METHODS = ("ByNamespace", "ByUser")
_SUBJECTS = {"User": "user", "Group": "group", "ServiceAccount": "serviceAccount"}
_NOT_NEGATIVE = "must be a non-negative integer"
_MAX_QUEUES = 10_000_000
_HASH_BITS = 60


def validate_flow_schema(obj: Obj) -> Errors:
    spec, path = obj.get("spec") or {}, "spec.matchingPrecedence"
    precedence, method = spec.get("matchingPrecedence", 0), spec.get("distinguisherMethod")
    errors: Errors = []
    if precedence <= 0:
        errors.append(invalid(path, precedence, "must be a positive value"))
    if precedence > 10000:
        errors.append(invalid(path, precedence, "must not be greater than 10000"))
    if precedence == 1 and obj["metadata"].get("name") != "exempt":
        errors.append(invalid(path, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"))
    if method is not None and method.get("type") not in _METHODS:
        errors.append(not_supported("spec.distinguisherMethod.type", {"Type": method.get("type") or ""}, _METHODS))
    name, path = (spec.get("priorityLevelConfiguration") or {}).get("name") or "", "spec.priorityLevelConfiguration.name"
    errors += [invalid(path, name, m) for m in dns1123_subdomain(name)] if name else [required(path, "must reference a priority level")]
    for i, rule in enumerate(spec.get("rules") or ()):
        errors += _rule(rule, index("spec.rules", i))
    return errors + _fixed_schema(obj)


def _fixed_schema(obj: Obj) -> Errors:
    """The schemas that every server makes itself are as it makes them."""
    spec, name = obj.get("spec") or {}, obj["metadata"].get("name") or ""
    if name not in MANDATORY or spec == made("FlowSchema", name)["spec"]:
        return []
    return [Cause("FieldValueInvalid", f"Invalid value: {schema_spec(spec)}: spec of '{name}' must equal the fixed value", "spec")]


def _fixed_level(obj: Obj) -> Errors:
    """So are the levels; but how much `exempt` lends is the administrator's."""
    spec, name = obj.get("spec") or {}, obj["metadata"].get("name") or ""
    if name not in MANDATORY:
        return []
    fixed = made("PriorityLevelConfiguration", name)["spec"]
    beside = ""
    if name == "exempt":
        beside, fixed = " except the 'spec.exempt' field", {**fixed, "exempt": spec.get("exempt")}
        spec_now = {"exempt": None, **spec}
    else:
        spec_now = spec
    if spec_now == fixed:
        return []
    text = f"Invalid value: {level_spec(spec)}: spec of '{name}'{beside} must equal the fixed value"
    return [Cause("FieldValueInvalid", text, "spec")]


def _rule(rule: Obj, path: str) -> Errors:
    subjects, resources, urls = (rule.get(name) or [] for name in ("subjects", "resourceRules", "nonResourceRules"))
    errors: Errors = [e for i, s in enumerate(subjects) for e in _subject(s, index(child(path, "subjects"), i))]
    if not subjects:
        errors.append(required(child(path, "subjects"), "subjects must contain at least one value"))
    if not resources and not urls:
        errors.append(required(path, "at least one of resourceRules and nonResourceRules has to be non-empty"))
    errors += [e for i, r in enumerate(resources) for e in _resource_rule(r, index(child(path, "resourceRules"), i))]
    return errors + [e for i, r in enumerate(urls) for e in _url_rule(r, index(child(path, "nonResourceRules"), i))]


def _subject(subject: Obj, path: str) -> Errors:
    kind = subject.get("kind") or ""
    if kind not in _SUBJECTS:
        return [not_supported(child(path, "kind"), kind, sorted(_SUBJECTS))]
    own = _SUBJECTS[kind]
    errors = _named(subject.get(own), kind, child(path, own))
    for other in ("serviceAccount", "user", "group"):
        if other != own and subject.get(other) is not None:
            only = next(k for k, name in _SUBJECTS.items() if name == other)
            errors.append(forbidden(child(path, other), f"{other} is forbidden when subject kind is not '{only}'"))
    return errors


def _named(named: Obj | None, kind: str, path: str) -> Errors:
    if named is None:
        return [required(path, f"{_SUBJECTS[kind]} is required when subject kind is '{kind}'")]
    name, namespace = named.get("name") or "", named.get("namespace") or ""
    errors: Errors = [] if name else [required(child(path, "name"))]
    if kind != "ServiceAccount":
        return errors
    if name and name != "*":
        errors += [invalid(child(path, "name"), name, m) for m in dns1123_subdomain(name)]
    if not namespace:
        return [*errors, required(child(path, "namespace"), "must specify namespace for service account")]
    return errors + [invalid(child(path, "namespace"), namespace, m) for m in dns1123_label(namespace)]


def _verbs(rule: Obj, path: str) -> Errors:
    verbs: list[str] = rule.get("verbs") or []
    path = child(path, "verbs")
    if not verbs:
        return [required(path, "verbs must contain at least one value")]
    if "*" in verbs:
        return [invalid(path, verbs, "if '*' is present, must not specify other verbs")] if len(verbs) > 1 else []
    return [] if set(verbs) <= set(_VERBS) else [not_supported(path, verbs, _VERBS)]


def _some(rule: Obj, name: str, one: str, others: str, path: str) -> Errors:
    values, path = rule.get(name) or [], child(path, name)
    if not values:
        return [required(path, f"resource rules must supply at least one {one}")]
    wild = len(values) > 1 and "*" in values
    return [invalid(path, values, f"if '*' is present, must not specify other {others}")] if wild else []


def _resource_rule(rule: Obj, path: str) -> Errors:
    errors = _verbs(rule, path)
    errors += _some(rule, "apiGroups", "api group", "api groups", path) + _some(rule, "resources", "resource", "resources", path)
    namespaces, path = rule.get("namespaces") or [], child(path, "namespaces")
    if not namespaces and not rule.get("clusterScope"):
        text = "resource rules that are not cluster scoped must supply at least one namespace"
        return [*errors, required(path, text)]
    if "*" in namespaces:
        text = "if '*' is present, must not specify other namespaces"
        return errors + ([invalid(path, namespaces, text)] if len(namespaces) > 1 else [])
    intro = "each member of this list must be '*' or a DNS-1123 label; "
    return errors + [invalid(index(path, i), ns, intro + m) for i, ns in enumerate(namespaces) for m in dns1123_label(ns)]


def _url_rule(rule: Obj, path: str) -> Errors:
    errors, urls, path = _verbs(rule, path), rule.get("nonResourceURLs") or [], child(path, "nonResourceURLs")
    if not urls:
        return [*errors, required(path, "nonResourceURLs must contain at least one value")]
    if "*" in urls:
        text = "if '*' is present, must not specify other non-resource URLs"
        return errors + ([invalid(path, urls, text)] if len(urls) > 1 else [])
    return errors + [invalid(index(path, i), url, why) for i, url in enumerate(urls) if (why := _bad_url(url))]


def _bad_url(url: str) -> str:
    stars = url.count("*")
    checks = (
        (not url, "must not be empty"),
        (not url.startswith("/"), "must start with slash"),
        (" " in url, "must not contain white-space"),
        ("//" in url, "must not contain double slash"),
        (stars > 1 or (stars == 1 and not url.endswith("/*")), "wildcard can only do suffix matching"),
    )
    return next((text for wrong, text in checks if wrong), "")


def validate_priority_level(obj: Obj) -> Errors:
    if _ZERO_SHARES in (obj["metadata"].get("annotations") or {}):
        return [forbidden("metadata.annotations", f"annotation '{_ZERO_SHARES}' is forbidden"), *_level(obj), *_fixed_level(obj)]
    return _level(obj) + _fixed_level(obj)


def _level(obj: Obj) -> Errors:
    spec, errors = obj.get("spec") or {}, []
    type_, limited, exempt = spec.get("type") or "", spec.get("limited"), spec.get("exempt")
    if (obj["metadata"].get("name") == "exempt") != (type_ == "Exempt"):
        errors.append(invalid("spec.type", type_, "must be 'Exempt' if and only if `name` is 'exempt'"))
    if type_ == "Exempt":
        if limited is not None:
            errors.append(forbidden("spec.limited", "must be nil if the type is not Limited"))
        return errors + (_shares(exempt, "spec.exempt") + _lendable(exempt, "spec.exempt") if exempt is not None else [])
    if type_ != "Limited":
        return [*errors, not_supported("spec.type", type_, ("Exempt", "Limited"))]
    if exempt is not None:
        errors.append(forbidden("spec.exempt", "must be nil if the type is Limited"))
    if limited is None:
        return [*errors, required("spec.limited", "must not be empty when type is Limited")]
    errors += _shares(limited, "spec.limited") + _response(limited.get("limitResponse") or {}, "spec.limited.limitResponse")
    errors += _lendable(limited, "spec.limited")
    if (borrow := limited.get("borrowingLimitPercent")) is not None and borrow < 0:
        errors.append(invalid("spec.limited.borrowingLimitPercent", borrow, "if specified, must be a non-negative integer"))
    return errors


def _shares(level: Obj, path: str) -> Errors:
    shares = level.get("nominalConcurrencyShares")
    return [invalid(child(path, "nominalConcurrencyShares"), shares, _NOT_NEGATIVE)] if shares is not None and shares < 0 else []


def _lendable(level: Obj, path: str) -> Errors:
    percent = level.get("lendablePercent")
    if percent is None or 0 <= percent <= 100:
        return []
    return [invalid(child(path, "lendablePercent"), percent, "must be between 0 and 100, inclusive")]


def _response(response: Obj, path: str) -> Errors:
    type_, queuing, at = response.get("type") or "", response.get("queuing"), child(path, "queuing")
    if type_ == "Reject":
        return [] if queuing is None else [forbidden(at, "must be nil if limited.limitResponse.type is not Limited")]
    if type_ != "Queue":
        return [not_supported(child(path, "type"), type_, ("Queue", "Reject"))]
    return _queuing(queuing, at) if queuing is not None else [required(at, "must not be empty if limited.limitResponse.type is Limited")]


def _queuing(queuing: Obj, path: str) -> Errors:
    limit, queues, hand = (queuing.get(name, 0) for name in ("queueLengthLimit", "queues", "handSize"))
    errors: Errors = [] if limit > 0 else [invalid(child(path, "queueLengthLimit"), limit, "must be positive")]
    if queues <= 0:
        errors.append(invalid(child(path, "queues"), queues, "must be positive"))
    elif queues > _MAX_QUEUES:
        errors.append(invalid(child(path, "queues"), queues, f"must not be greater than {_MAX_QUEUES}"))
    path = child(path, "handSize")
    if hand <= 0:
        return [*errors, invalid(path, hand, "must be positive")]
    if hand > queues:
        return [*errors, invalid(path, hand, f"should not be greater than queues ({queues})")]
    if math.ceil(math.log2(queues) * hand) > _HASH_BITS:
        text = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {_HASH_BITS}"
        errors.append(invalid(path, hand, text))
    return errors


def validate_conditions(new: Obj, old: Obj) -> Errors:
    """Of the status of both kinds: every condition has a type, each once."""
    errors: Errors = []
    seen: set[str] = set()
    for i, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        path, type_ = child(index("status.conditions", i), "type"), condition.get("type") or ""
        if type_ in seen:
            errors.append(duplicate(path, type_))
        seen.add(type_)
        if not type_:
            errors.append(required(path))
    return errors
