"""Where pods want to run: affinity to nodes, to and from other pods, and spreading over domains.

Called by the rule of pod specs. Bad label values are let pass where a term is only preferred, as the reference does.
Source: pkg/apis/core/validation validateAffinity, ValidatePreferredSchedulingTerms, validatePodAffinityTerm,
validateTopologySpreadConstraints, ValidateMatchLabelKeysAndMismatchLabelKeys; KEP-3633, KEP-3243.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label
from wherry.rules.schema.validation.labels import label_key, label_selector
from wherry.rules.schema.validation.pods.node_terms import node_selector_term
from wherry.rules.schema.validation.volumes import node_selector

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_INCLUSIONS = ("Honor", "Ignore")


def affinity(value: Obj, path: str) -> Errors:
    errors: Errors = []
    nodes = value.get("nodeAffinity")
    if nodes is not None:
        errors += _node_affinity(nodes, child(path, "nodeAffinity"))
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = value.get(kind)
        if pods is not None:
            errors += _pod_affinity(pods, child(path, kind))
    return errors


def _weight(entry: Obj, path: str) -> Errors:
    weight = entry.get("weight") or 0
    return [] if 1 <= weight <= 100 else [invalid(child(path, "weight"), weight, "must be in the range 1-100")]


def _node_affinity(value: Obj, path: str) -> Errors:
    errors: Errors = []
    needed = value.get(_REQUIRED)
    if needed is not None:
        errors += node_selector(needed, child(path, _REQUIRED))
    for i, entry in enumerate(value.get(_PREFERRED) or ()):
        at = index(child(path, _PREFERRED), i)
        errors += _weight(entry, at) + node_selector_term(entry.get("preference") or {}, child(at, "preference"))
    return errors


def _pod_affinity(value: Obj, path: str) -> Errors:
    errors: Errors = []
    for i, term in enumerate(value.get(_REQUIRED) or ()):
        errors += _pod_term(term, index(child(path, _REQUIRED), i))
    for i, entry in enumerate(value.get(_PREFERRED) or ()):
        at = index(child(path, _PREFERRED), i)
        errors += _weight(entry, at) + _pod_term(entry.get("podAffinityTerm") or {}, child(at, "podAffinityTerm"))
    return errors


def _pod_term(term: Obj, path: str) -> Errors:
    errors = label_selector(term.get("labelSelector"), child(path, "labelSelector"))
    errors += label_selector(term.get("namespaceSelector"), child(path, "namespaceSelector"))
    for name in term.get("namespaces") or ():
        errors += [invalid(child(path, "namespace"), name, m) for m in dns1123_label(name)]
    errors += label_keys(term, path)
    key, at = term.get("topologyKey") or "", child(path, "topologyKey")
    if not key:
        errors.append(required(at, "can not be empty"))
    return errors + label_key(key, at)


def label_keys(term: Obj, path: str) -> Errors:
    """matchLabelKeys and mismatchLabelKeys: keys of labels, each in one place only."""
    same, other, selector = term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or [], term.get("labelSelector")
    if not same and not other:
        return []
    errors = _keys(same, selector, child(path, "matchLabelKeys")) + _keys(other, selector, child(path, "mismatchLabelKeys"))
    known = set((selector or {}).get("matchLabels") or ())
    for expression in (selector or {}).get("matchExpressions") or ():
        # the first expression of such a key is the one that the API server made from matchLabelKeys itself
        key = expression.get("key") or ""
        if key in same and key in known:
            last = len(same) - 1 - same[::-1].index(key)
            errors.append(invalid(index(path, last), key, "exists in both matchLabelKeys and labelSelector"))
        known.add(key)
    text = "exists in both matchLabelKeys and mismatchLabelKeys"
    return errors + [invalid(index(child(path, "matchLabelKeys"), i), k, text) for i, k in enumerate(same) if k in other]


def _keys(keys: list[str], selector: Obj | None, path: str) -> Errors:
    if keys and selector is None:
        return [forbidden(path, "must not be specified when labelSelector is not set")]
    return [e for i, k in enumerate(keys) for e in label_key(k, index(path, i))]


def spread_constraints(constraints: list[Obj], path: str) -> Errors:
    errors: Errors = []
    pairs = [(c.get("topologyKey") or "", c.get("whenUnsatisfiable") or "") for c in constraints]
    for i, constraint in enumerate(constraints):
        at, (key, action) = index(path, i), pairs[i]
        errors += _positive(constraint.get("maxSkew") or 0, child(at, "maxSkew"))
        if not key:
            errors.append(required(child(at, "topologyKey"), "can not be empty"))
        errors += _choice(action, _ACTIONS, child(at, "whenUnsatisfiable"))
        if pairs[i] in pairs[i + 1 :]:
            errors.append(duplicate(child(at, "{topologyKey, whenUnsatisfiable}"), f"{{{key}, {action}}}"))
        errors += _min_domains(constraint.get("minDomains"), action, child(at, "minDomains"))
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if constraint.get(name) is not None:
                errors += _choice(constraint[name], _INCLUSIONS, child(at, name))
        errors += label_keys(constraint, at)
        errors += label_selector(constraint.get("labelSelector"), child(at, "labelSelector"))
    return errors


def _choice(value: str, supported: tuple[str, ...], path: str) -> Errors:
    return [] if value in supported else [not_supported(path, value, supported)]


def _positive(value: int, path: str) -> Errors:
    return [] if value > 0 else [invalid(path, value, "must be greater than zero")]


def _min_domains(count: int | None, action: str, path: str) -> Errors:
    if count is None:
        return []
    errors = _positive(count, path)
    if action != "DoNotSchedule":
        errors.append(invalid(path, count, f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"))
    return errors
