"""A term about nodes that is only preferred: any label value passes in it, since such a term may stand where there is one node.

Called by the rule of node affinity; required terms are `volumes.node_selector`'s.
Source: pkg/apis/core/validation ValidateNodeSelectorTerm, ValidatePreferredSchedulingTerms.
"""

from __future__ import annotations

from wherry.api.errors import Cause
from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.rules.schema.validation.volumes import node_selector

_TERM = "nodeSelectorTerms[0]"


def node_selector_term(term: Obj, path: str) -> Errors:
    """The errors of a required term, less those of label values, with the paths of this place."""
    lenient = {**term, "matchExpressions": [_any_values(r) for r in term.get("matchExpressions") or ()]}
    found = node_selector({"nodeSelectorTerms": [lenient]}, "")
    return [Cause(e.reason, e.message, path + e.field.removeprefix(_TERM)) for e in found]


def _any_values(requirement: Obj) -> Obj:
    """As many values, all good ones: how many there are counts, not which."""
    return {**requirement, "values": ["any"] * len(requirement.get("values") or ())}
