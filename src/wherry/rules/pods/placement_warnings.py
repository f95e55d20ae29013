"""Warnings about where a pod goes: old node labels, selectors that match nothing.

Called by `pod_warnings`. Pure. Source: pkg/api/pod/warnings.go, pkg/api/node/util.go.
"""

from __future__ import annotations

from wherry.api.field import child, index, key
from wherry.api.objects import Obj
from wherry.rules.objects.names import label_value

_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NO_SELECTOR = "a null labelSelector results in matching no pod"


def node_warnings(spec: Obj, at: str) -> list[str]:
    """Of the node selector and of node affinity."""
    warnings = [f"{key(child(at, 'nodeSelector'), k)}: {_LABELS[k]}" for k in spec.get("nodeSelector") or () if k in _LABELS]
    affinity = (spec.get("affinity") or {}).get("nodeAffinity")
    if not affinity:
        return warnings
    place = child(at, "affinity", "nodeAffinity")
    for i, term in enumerate((affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        warnings += _term(term, index(child(place, _REQUIRED, "nodeSelectorTerms"), i), values=False)
    for i, weighted in enumerate(affinity.get(_PREFERRED) or ()):
        warnings += _term(weighted.get("preference") or {}, child(index(child(place, _PREFERRED), i), "preference"), values=True)
    return warnings


def _term(term: Obj, at: str, *, values: bool) -> list[str]:
    warnings: list[str] = []
    for i, expression in enumerate(term.get("matchExpressions") or ()):
        place, name = index(child(at, "matchExpressions"), i), expression.get("key") or ""
        if name in _LABELS:
            warnings.append(f"{child(place, 'key')}: {name} is {_LABELS[name]}")
        if values:
            listed = enumerate(expression.get("values") or ())
            warnings += [f"{index(child(place, 'values'), j)}: {v} is invalid, {text}" for j, v in listed for text in label_value(v)]
    return warnings


def spread_warnings(spec: Obj, at: str) -> list[str]:
    warnings: list[str] = []
    for i, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        place, topology = index(child(at, "topologySpreadConstraints"), i), constraint.get("topologyKey") or ""
        if topology in _LABELS:
            warnings.append(f"{child(place, 'topologyKey')}: {topology} is {_LABELS[topology]}")
        if constraint.get("labelSelector") is None:
            warnings.append(f"{child(place, 'labelSelector')}: {_NO_SELECTOR}")
    return warnings


def affinity_warnings(affinity: Obj, at: str) -> list[str]:
    """Of affinity between pods."""
    warnings: list[str] = []
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        for i, term in enumerate(rules.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                warnings.append(f"{child(index(child(at, kind, _REQUIRED), i), 'labelSelector')}: {_NO_SELECTOR}")
        for i, weighted in enumerate(rules.get(_PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                place = child(index(child(at, kind, _PREFERRED), i), "podAffinityTerm", "labelSelector")
                warnings.append(f"{place}: {_NO_SELECTOR}")
    return warnings
