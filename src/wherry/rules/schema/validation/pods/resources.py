"""Requests, limits and resource claims: of containers, of the pod as a whole, and as overhead.

Called by the rules of containers and of the pod spec. Good pairs of maps cost one pass over them; names and amounts are remembered.
Source: pkg/apis/core/validation validateResourceRequirements, validatePodResources, validatePodResourceClaim; KEP-2837 (pod level).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

from wherry.api import quantity
from wherry.api.errors import Cause
from wherry.api.field import Errors, child, duplicate, forbidden, invalid, key, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label, dns1123_subdomain
from wherry.rules.schema.validation.quantities import container_resource_name, is_native, quantity_value, resource_name
from wherry.rules.texts.go_structs.pod_shown import invalid_claim

NameRule = Callable[[str, str], Errors]
Amounts = Mapping[str, quantity.Text]

_HUGE = "hugepages-"
_MAIN = ("cpu", "memory")
_POD_LEVEL = ("cpu", _HUGE, "memory")


def container_resources(resources: Obj, claims: Collection[str], path: str) -> Errors:
    """`claims`: the names in `spec.resourceClaims`."""
    return requirements(resources, container_resource_name, claims, path)


def overhead(amounts: Amounts, path: str) -> Errors:
    return requirements({"limits": amounts}, container_resource_name, (), path)


@lru_cache(maxsize=4096)
def _good_amount(name: str, amount: quantity.Text, rule: NameRule) -> bool:
    return not rule(name, "") and not quantity_value(name, amount, "") and not _pages(name, amount, "")


def requirements(resources: Obj, rule: NameRule, claims: Collection[str], path: str) -> Errors:
    limits: Amounts = resources.get("limits") or {}
    requests: Amounts = resources.get("requests") or {}
    errors: Errors = []
    for name, amount in limits.items():
        if not _good_amount(name, amount, rule):
            at = f"{path}.limits[{name}]"
            errors += rule(name, at) + quantity_value(name, amount, at) + _pages(name, amount, at)
    for name, amount in requests.items():
        good = _good_amount(name, amount, rule)
        at = f"{path}.requests[{name}]"
        if not good:
            errors += rule(name, at) + quantity_value(name, amount, at)
        errors += _within(name, amount, limits.get(name), path)
        if not good:
            errors += _pages(name, amount, at)
    huge = any(n.startswith(_HUGE) for n in limits) or any(n.startswith(_HUGE) for n in requests)
    if huge and not any(n in limits or n in requests for n in _MAIN):
        errors.append(forbidden(path, "HugePages require cpu or memory"))
    if used := resources.get("claims"):
        errors += _used_claims(used, claims, child(path, "claims"))
    return errors


def _within(name: str, request: quantity.Text, limit: quantity.Text | None, path: str) -> Errors:
    """What cannot be overcommitted (huge pages, extended resources) is asked for as it is limited."""
    flexible = name in _MAIN or (is_native(name) and not name.startswith(_HUGE))
    if limit is None:
        return [] if flexible else [required(child(path, "limits"), "Limit must be set for non overcommitable resources")]
    more = quantity.compare(request, limit)
    if more == 0 or (flexible and more < 0):
        return []
    how = "less than or equal to" if flexible else "equal to"
    text = f"must be {how} {name} limit of {quantity.canonical(limit)}"
    return [invalid(child(path, "requests"), quantity.canonical(request), text)]


def _pages(name: str, amount: quantity.Text, path: str) -> Errors:
    if not name.startswith(_HUGE) or _divisible(name, amount):
        return []
    text = quantity.canonical(amount)
    return [invalid(path, text, f"{text} is not positive integer multiple of {name}")]


def _divisible(name: str, amount: quantity.Text) -> bool:
    try:
        page = name.removeprefix(_HUGE)
        size = quantity.nano(page)
    except ValueError:
        return False
    return size > 0 and quantity.milli(page) % 1000 == 0 and quantity.to_int(amount) % quantity.to_int(page) == 0


def _used_claims(used: list[Obj], known: Collection[str], path: str) -> Errors:
    """A container uses a claim as a whole or by requests of it, each once."""
    errors: Errors = []
    seen: set[str] = set()
    for i, claim in enumerate(used):
        at, name, request = f"{path}[{i}]", claim.get("name") or "", claim.get("request") or ""
        if not name:
            errors.append(required(at))
            continue
        if name in seen:
            errors.append(duplicate(at, name))
        else:
            errors += [invalid(child(at, "request"), request, m) for m in dns1123_label(request)] if request else []
            entry = f"{name}/{request}" if request else name
            if entry in seen:
                errors.append(duplicate(at, entry))
            elif not request:
                errors += [duplicate(at, name) for s in seen if s.partition("/")[0] == name]
            seen.add(entry)
        if name not in known:
            where = f": {', '.join(sorted(known))}" if known else " which is empty"
            text = f'Not found: "{name}": must be one of the names in pod.spec.resourceClaims{where}'
            errors.append(Cause("FieldValueNotFound", text, at))
    return errors


def pod_claims(claims: list[Obj], path: str, *, static: bool) -> Errors:
    """`spec.resourceClaims`. `static`: the pod mirrors one that a kubelet runs by itself."""
    if static:
        return [forbidden("", "static pods do not support resource claims") for _ in claims]
    errors: Errors = []
    seen: set[str] = set()
    for i, claim in enumerate(claims):
        at, name = f"{path}[{i}]", claim.get("name") or ""
        if not name:
            errors.append(required(child(at, "name")))
        elif name in seen:
            errors.append(duplicate(child(at, "name"), name))
        else:
            errors += [invalid(child(at, "name"), name, m) for m in dns1123_label(name)]
        seen.add(name)
        errors += _claim_source(claim, at)
    return errors


def _claim_source(claim: Obj, path: str) -> Errors:
    names = ("resourceClaimName", "resourceClaimTemplateName")
    given = [n for n in names if claim.get(n) is not None]
    errors: Errors = []
    if len(given) > 1:
        errors.append(invalid_claim(path, claim, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"))
    if not given:
        errors.append(invalid_claim(path, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"))
    return errors + [invalid(child(path, n), claim[n], m) for n in given for m in dns1123_subdomain(claim[n])]


def pod_resource_name(name: str, path: str) -> Errors:
    errors = resource_name(name, path)
    if errors or name in _MAIN or name.startswith(_HUGE):
        return errors
    return [not_supported(path, name, _POD_LEVEL)]


def pod_resources(spec: Obj, claims: Collection[str], path: str) -> Errors:
    """What the pod as a whole asks for, which its containers must fit into. `path` is that of the resources."""
    resources = spec["resources"]
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden(path, "may not be set for a windows pod")]
    errors: Errors = []
    if resources.get("claims") is not None:
        errors.append(forbidden(child(path, "claims"), "claims may not be set for Resources at pod-level"))
    return errors + requirements(resources, pod_resource_name, claims, path) + _consistent(spec, resources, path)


def _consistent(spec: Obj, resources: Obj, path: str) -> Errors:
    errors: Errors = []
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for part, given in (("requests", requests), ("limits", limits)):
        for name, total in _together(spec, part).items():
            wanted = part == "requests" or name.startswith(_HUGE)
            if wanted and name in given and quantity.compare(total, given[name]) > 0:
                text = f"must be greater than or equal to aggregate container {part} of {quantity.canonical(total)}"
                errors.append(invalid(key(child(path, part), name), quantity.canonical(given[name]), text))
    for i, container in enumerate(spec.get("containers") or ()):
        for name, limit in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and quantity.compare(limit, limits[name]) > 0:
                text = f"must be less than or equal to pod limits of {quantity.canonical(limits[name])}"
                errors.append(invalid(f"{path}.containers[{i}][{name}].limits", quantity.canonical(limit), text))
    return errors


def _together(spec: Obj, part: str) -> dict[str, quantity.Text]:
    """What the containers ask for at most at one time (KEP-753): sidecars stay, other init containers run one by one."""
    total: dict[str, quantity.Text] = {}
    for container in spec.get("containers") or ():
        _add(total, container, part)
    sidecars: dict[str, quantity.Text] = {}
    peak: dict[str, quantity.Text] = {}
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            _add(total, container, part)
            _add(sidecars, container, part)
            _raise(peak, sidecars)
        else:
            now = dict(sidecars)
            _add(now, container, part)
            _raise(peak, now)
    _raise(total, peak)
    return total


def _add(total: dict[str, quantity.Text], container: Obj, part: str) -> None:
    for name, amount in ((container.get("resources") or {}).get(part) or {}).items():
        total[name] = quantity.add(total[name], amount) if name in total else amount


def _raise(total: dict[str, quantity.Text], other: Amounts) -> None:
    for name, amount in other.items():
        if name not in total or quantity.compare(amount, total[name]) > 0:
            total[name] = amount
