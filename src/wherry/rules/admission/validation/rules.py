"""What webhooks, policies and bindings say about the writes they mean: rules, match resources, parameters.

Source: pkg/apis/admissionregistration/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1035_label, dns1123_subdomain, path_segment_name
from wherry.rules.schema.validation.labels import label_selector

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_MUTABLE = ("*", "CONNECT", "CREATE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")


def one_of(value: str | None, known: Iterable[str], path: str) -> Errors:
    """An optional value out of a set."""
    listed = tuple(known)
    return [not_supported(path, value, listed)] if value is not None and value not in listed else []


def rule_with_operations(rule: Obj, path: str) -> Errors:
    errors: Errors = []
    operations = rule.get("operations") or []
    at = child(path, "operations")
    if not operations:
        errors.append(required(at))
    if len(operations) > 1 and "*" in operations:
        errors.append(invalid(at, operations, "if '*' is present, must not specify other operations"))
    errors += [not_supported(index(at, i), o, _OPERATIONS) for i, o in enumerate(operations) if o not in _OPERATIONS]
    for part, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values = rule.get(part) or []
        if not values:
            errors.append(required(child(path, part)))
        if len(values) > 1 and "*" in values:
            errors.append(invalid(child(path, part), values, f"if '*' is present, must not specify other {what}"))
    errors += [required(index(child(path, "apiVersions"), i)) for i, v in enumerate(rule.get("apiVersions") or ()) if not v]
    errors += _resources(rule.get("resources") or [], child(path, "resources"))
    return errors + one_of(rule.get("scope"), _SCOPES, child(path, "scope"))


def _resources(resources: list[str], path: str) -> Errors:
    errors: Errors = [] if resources else [required(path)]
    whole: set[str] = set()  # resources whose every subresource is meant
    everywhere: set[str] = set()  # subresources that are meant of every resource
    plain = False
    for i, given in enumerate(resources):
        if not given:
            errors.append(required(index(path, i)))
            continue
        resource, slash, sub = given.partition("/")
        if not slash:
            plain = given != "*"
            continue
        if resource in whole:
            errors.append(invalid(index(path, i), given, f"if '{resource}/*' is present, must not specify {given}"))
        if sub in everywhere:
            errors.append(invalid(index(path, i), given, f"if '*/{sub}' is present, must not specify {given}"))
        if sub == "*":
            whole.add(resource)
        if resource == "*":
            everywhere.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        errors.append(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and plain:
        errors.append(invalid(path, resources, "if '*' is present, must not specify other resources without subresources"))
    return errors


def match_resources(match: Obj | None, path: str, *, mutating: bool = False) -> Errors:
    """`mutating`: only what can be changed may be meant."""
    if match is None:
        return []
    errors: Errors = []
    for part in ("matchPolicy", "namespaceSelector", "objectSelector"):
        if match.get(part) is None:
            errors.append(required(child(path, part)))
        elif part == "matchPolicy":
            errors += one_of(match[part], ("Equivalent", "Exact"), child(path, part))
        else:
            errors += label_selector(match[part], child(path, part))
    for part in ("resourceRules", "excludeResourceRules"):
        for i, rule in enumerate(match.get(part) or ()):
            errors += _named_rule(rule, index(child(path, part), i))
    if mutating:
        at = child(path, "resourceRules", "operations")
        given = [o for rule in match.get("resourceRules") or () for o in rule.get("operations") or ()]
        errors += [not_supported(at, o, _MUTABLE) for o in given if o not in _MUTABLE]
    return errors


def _named_rule(rule: Obj, path: str) -> Errors:
    errors: Errors = []
    names = rule.get("resourceNames") or []
    for i, name in enumerate(names):
        at = index(child(path, "resourceNames"), i)
        errors += [invalid(at, name, message) for message in path_segment_name(name)]
        if name in names[:i]:
            errors.append(duplicate(at, name))
    return errors + rule_with_operations(rule, path)


def param_kind(kind: Obj | None, path: str) -> Errors:
    if kind is None:
        return []
    errors: Errors = []
    api_version, name = kind.get("apiVersion") or "", kind.get("kind") or ""
    at = child(path, "apiVersion")
    group, slash, version = api_version.partition("/")
    if not slash:
        group, version = "", api_version
    if not api_version:
        errors.append(required(at))
    elif "/" in version:
        errors.append(invalid(at, api_version, f"unexpected GroupVersion string: {api_version}"))
    else:
        if group and (messages := dns1123_subdomain(group)):
            errors.append(invalid(at, group, ",".join(messages)))
        if not version:
            errors.append(invalid(at, api_version, "version must be specified"))
        elif messages := dns1035_label(version):
            errors.append(invalid(at, version, ",".join(messages)))
    if not name:
        errors.append(required(child(path, "kind")))
    elif messages := dns1035_label(name.lower()):
        errors.append(invalid(child(path, "kind"), name, "may have mixed case, but should otherwise match: " + ",".join(messages)))
    return errors


def param_ref(ref: Obj | None, path: str) -> Errors:
    if ref is None:
        return []
    errors: Errors = []
    name, selector, action = ref.get("name") or "", ref.get("selector"), ref.get("parameterNotFoundAction")
    both = "name and selector are mutually exclusive"
    if name:
        errors += [invalid(child(path, "name"), name, message) for message in path_segment_name(name)]
        if selector is not None:
            errors.append(forbidden(child(path, "name"), both))
    if selector is not None:
        errors += label_selector(selector, child(path, "selector"))
        if name:
            errors.append(forbidden(child(path, "selector"), both))
    elif not name:
        errors.append(required(path, "one of name or selector must be specified"))
    if not action:
        errors.append(required(child(path, "parameterNotFoundAction")))
    return errors + (one_of(action, ("Deny", "Allow"), child(path, "parameterNotFoundAction")) if action else [])
