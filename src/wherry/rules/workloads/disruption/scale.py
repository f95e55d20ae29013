"""How many pods a budget's selector stands for: the sum of the sizes of the workloads that control the selected pods.

Called by the disruption controller with its view of the workloads. A ReplicaSet of a Deployment counts as the Deployment, so that the
two sets of a rollout are not added up. A workload of another kind is asked for its `scale` by the shell.
Source of the rule: pkg/controller/disruption getExpectedScale and its finders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from wherry.api import objects
from wherry.api.objects import Obj

#: (kind, namespace/name) -> the object, if it is there
Lookup = Callable[[str, str], Obj | None]
_APPS = ("apps", "extensions")
GROUPS = {"ReplicationController": ("",), "ReplicaSet": _APPS, "StatefulSet": ("apps",), "Deployment": _APPS}


class Scale(NamedTuple):
    uid: str
    replicas: int


class CountFailed(Exception):
    """The number of pods to expect is not known; the text is for the budget's condition and event."""


class Expected(NamedTuple):
    """`unmanaged`: the selected pods that no controller stands behind."""

    total: int
    unmanaged: tuple[str, ...] = ()


def controllers(pods: Iterable[Obj]) -> dict[str, tuple[Obj, Obj]]:
    """The distinct controllers of the pods: uid -> (owner reference, one of its pods)."""
    found: dict[str, tuple[Obj, Obj]] = {}
    for pod in pods:
        ref = objects.controller_of(pod)
        if ref is not None:
            found.setdefault(ref["uid"], (ref, pod))
    return found


def of_workload(ref: Mapping[str, Any], namespace: str, lookup: Lookup) -> Scale | None:
    """The size of the workload behind a pod's controller, or None when only its `scale` could tell."""
    owner = _find(ref, namespace, lookup)
    if owner is None or owner["kind"] == "Deployment":
        return None
    above = objects.controller_of(owner) if owner["kind"] == "ReplicaSet" else None
    if above is not None and above["kind"] == "Deployment":
        owner = _find(above, namespace, lookup)
        if owner is None:
            return None
    replicas = owner["spec"].get("replicas")
    return Scale(objects.uid(owner), 1 if replicas is None else replicas)


def _find(ref: Mapping[str, Any], namespace: str, lookup: Lookup) -> Obj | None:
    group = ref["apiVersion"].rpartition("/")[0]
    if group not in GROUPS.get(ref["kind"], ()):
        return None
    found = lookup(ref["kind"], f"{namespace}/{ref['name']}")
    return found if found is not None and objects.uid(found) == ref["uid"] else None


def expected(pods: Iterable[Obj], scales: Mapping[str, Scale | None]) -> Expected:
    """`scales`: by the uid of the pods' controllers. Raises CountFailed for a controller that is not there."""
    unmanaged: list[str] = []
    sizes: dict[str, int] = {}
    for pod in pods:
        ref = objects.controller_of(pod)
        if ref is None:
            unmanaged.append(objects.name(pod))
            continue
        scale = scales.get(ref["uid"])
        if scale is None:
            raise CountFailed(f'found no controllers for pod "{objects.name(pod)}"')
        sizes[scale.uid] = scale.replicas
    return Expected(sum(sizes.values()), tuple(unmanaged))
