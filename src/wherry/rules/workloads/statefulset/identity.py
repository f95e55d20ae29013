"""Who a pod of a StatefulSet is: its ordinal, its name, and the labels that say so.

Called by every other StatefulSet rule. Invariant: one ordinal, one name; a pod whose name is not `<set>-<ordinal>` is no member.
Source of the rule: pkg/controller/statefulset/stateful_set_utils.go; KEP-3335 (ordinals.start), KEP-4017 (pod index label).
"""

from __future__ import annotations

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.workloads.revisions import POD_LABEL

NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"

_LARGEST = 2**31


def ordinal_of(set_name: str, pod_name: str) -> int:
    """The ordinal in a member's name, -1 for a name that is none."""
    parent, dash, digits = pod_name.rpartition("-")
    if not dash or parent != set_name or not (digits.isascii() and digits.isdigit()):
        return -1
    value = int(digits)
    return value if value < _LARGEST and str(value) == digits else -1


def is_member(stateful_set: Obj, pod: Obj) -> bool:
    return ordinal_of(objects.name(stateful_set), objects.name(pod)) >= 0


def pod_name(stateful_set: Obj, ordinal: int) -> str:
    return f"{objects.name(stateful_set)}-{ordinal}"


def replicas(stateful_set: Obj) -> int:
    """`.spec.replicas`, 1 when not given."""
    count = stateful_set["spec"].get("replicas")
    return 1 if count is None else int(count)


def start(stateful_set: Obj) -> int:
    return int((stateful_set["spec"].get("ordinals") or {}).get("start") or 0)


def ordinals(stateful_set: Obj) -> range:
    """The ordinals that there should be."""
    first = start(stateful_set)
    return range(first, first + replicas(stateful_set))


def labels(name: str, ordinal: int) -> dict[str, str]:
    """What the labels of the pod must say."""
    return {NAME_LABEL: name, INDEX_LABEL: str(ordinal)}


def is_labelled(pod: Obj) -> bool:
    return objects.labels(pod).get(NAME_LABEL) == objects.name(pod)


def revision_of(pod: Obj) -> str:
    """The name of the revision that the pod was made from."""
    return objects.labels(pod).get(POD_LABEL, "")
