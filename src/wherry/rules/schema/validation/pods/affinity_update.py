"""What an update may do to where a gated pod goes: narrow it, never widen it.

Called by the update rule of pods, for pods that still have scheduling gates. Source: KEP-3521, KEP-3838,
pkg/apis/core/validation validateNodeSelectorMutation, validateNodeAffinityMutation.
"""

from __future__ import annotations

from typing import Any

from wherry.api.field import Errors, index, invalid
from wherry.api.objects import Obj
from wherry.rules.texts.go_structs.internal_pod import internal_terms

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_TERMS = f"spec.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"


def selector_errors(new: Obj, old: Obj) -> Errors:
    """`spec.nodeSelector` may only get more entries."""
    after, before = new.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if all(after.get(key) == value for key, value in before.items()):
        return []
    return [invalid("spec.nodeSelector", after or None, "only additions to spec.nodeSelector are allowed (no mutations or deletions)")]


def affinity_errors(new: Obj, old: Obj) -> Errors:
    """Required terms of node affinity may get more requirements; there may not be more or fewer terms."""
    before = _terms(old)
    if not before:
        return []
    after = _terms(new)
    if len(before) != len(after):
        shown = internal_terms(after) if after else None
        return [invalid(_TERMS, shown, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")]
    text = "only additions are allowed (no mutations or deletions)"
    pairs = enumerate(zip(after, before, strict=True))
    return [invalid(index(_TERMS, i), internal_terms([a])[0], text) for i, (a, b) in pairs if not _only_adds(a, b)]


def without_node_affinity(new: Obj, old: Obj) -> Obj | None:
    """The new affinity with the old one's part for nodes, as both are compared."""
    after: Obj | None = new.get("affinity")
    was: Obj | None = old.get("affinity")
    kept = (was or {}).get("nodeAffinity")
    if (after or {}).get("nodeAffinity") == kept:
        return after
    others = {k: v for k, v in (after or {}).items() if k != "nodeAffinity"}
    if after is None or was is not None:
        return {**others, "nodeAffinity": kept} if kept is not None else others
    return others or None


def _terms(spec: Obj) -> list[Obj]:
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED) or {}
    return required.get("nodeSelectorTerms") or []


def _only_adds(after: Obj, before: Obj) -> bool:
    fields = ("matchExpressions", "matchFields")
    lists: list[tuple[list[Any], list[Any]]] = [(after.get(f) or [], before.get(f) or []) for f in fields]
    if not any(b for _, b in lists):
        return not any(a for a, _ in lists)
    return all(a[: len(b)] == b for a, b in lists)
