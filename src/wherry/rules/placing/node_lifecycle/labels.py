"""The old names of a node's labels for its system and architecture, which follow the new ones.

Called by the node lifecycle controller. Source of the rule: pkg/controller/nodelifecycle reconcileNodeLabels.
"""

from __future__ import annotations

from wherry.api import objects
from wherry.api.objects import Obj

_OLD = {"kubernetes.io/os": "beta.kubernetes.io/os", "kubernetes.io/arch": "beta.kubernetes.io/arch"}


def missing(node: Obj) -> dict[str, str]:
    """The labels to set."""
    labels = objects.labels(node)
    return {old: labels[new] for new, old in _OLD.items() if new in labels and labels.get(old) != labels[new]}
