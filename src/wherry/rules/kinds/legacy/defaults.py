"""What the old versions filled in where apps/v1 fills in something else, or nothing.

Called with a private draft in the old form, which it changes in place; what is left is filled in as for apps/v1.
Source: pkg/apis/{extensions,apps}/v1beta*/defaults.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.objects import Obj
from wherry.rules.schema.defaults.workloads import fill

#: as good as none
UNLIMITED = 2**31 - 1


def _labelled(obj: Obj, spec: Obj) -> None:
    """The selector, and the labels of the object itself, are those of the template."""
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if not labels:
        return
    if spec.get("selector") is None:
        spec["selector"] = {"matchLabels": dict(labels)}
    if not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)


def _labels_only(obj: Obj, spec: Obj) -> None:
    _labelled(obj, spec)


def _rolls_one(obj: Obj, spec: Obj) -> None:
    """Deployments of extensions/v1beta1."""
    _labelled(obj, spec)
    fill(spec, strategy={}, progressDeadlineSeconds=UNLIMITED, revisionHistoryLimit=UNLIMITED)
    strategy = spec["strategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate" or strategy.get("rollingUpdate") is not None:
        fill(strategy, rollingUpdate={})
        fill(strategy["rollingUpdate"], maxUnavailable=1, maxSurge=1)


def _keeps_two(obj: Obj, spec: Obj) -> None:
    """Deployments of apps/v1beta1."""
    _labelled(obj, spec)
    fill(spec, revisionHistoryLimit=2)


def _on_delete(obj: Obj, spec: Obj) -> None:
    _labelled(obj, spec)
    fill(spec, updateStrategy={})
    if not spec["updateStrategy"].get("type"):
        spec["updateStrategy"]["type"] = "OnDelete"


_DEFAULTS: dict[tuple[str, str], Callable[[Obj, Obj], None]] = {
    ("extensions/v1beta1", "Deployment"): _rolls_one,
    ("extensions/v1beta1", "ReplicaSet"): _labels_only,
    ("extensions/v1beta1", "DaemonSet"): _on_delete,
    ("apps/v1beta1", "Deployment"): _keeps_two,
    ("apps/v1beta1", "StatefulSet"): _on_delete,
}


def fill_in(api_version: str, obj: Obj) -> None:
    """`obj` has a metadata and a spec. apps/v1beta2 has the defaults of apps/v1."""
    if (rule := _DEFAULTS.get((api_version, obj.get("kind", "")))) is not None:
        rule(obj, obj["spec"])
