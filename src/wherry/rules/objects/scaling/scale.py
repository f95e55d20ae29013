"""The Scale of an object: read from where its kind keeps the numbers, and written back there.

Called by the registry's scale subresource, and by policies and webhooks that are asked about a Scale. Workloads and custom kinds differ in
their paths, and in what stands at the path of the selector: a label selector, or text.
Source: pkg/registry/apps/*/storage (scaleFrom*);
k8s.io/apiextensions-apiserver/pkg/registry/customresource/etcd.go (scaleFromCustomResource).
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.objects import selectors
from wherry.rules.objects.scaling import paths as at
from wherry.rules.objects.scaling.paths import ScalePaths

#: where workloads keep the numbers
WORKLOAD = ScalePaths(".spec.replicas", ".status.replicas", "")
#: what a Scale shows of its parent's metadata
_SHOWN = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(obj: Obj, paths: ScalePaths = WORKLOAD) -> Obj:
    """An autoscaling/v1 Scale (zero replicas are left out, as the reference's JSON does). Raises NotThere."""
    replicas = at.number(obj, paths.replicas) or 0
    status: Obj = {"replicas": at.number(obj, paths.status_replicas) or 0}
    if selector := _selector(obj, paths):
        status["selector"] = selector
    meta = {k: obj["metadata"][k] for k in _SHOWN if k in obj["metadata"]}
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status}


def _selector(obj: Obj, paths: ScalePaths) -> str:
    if paths is not WORKLOAD:
        return at.text(obj, paths.selector) if paths.selector else ""
    chosen = (obj.get("spec") or {}).get("selector")
    if obj["kind"] == "ReplicationController":
        return str(selectors.from_map(chosen or {}))
    return str(selectors.from_label_selector(chosen))


def scaled(obj: Obj, paths: ScalePaths, scale: Obj) -> Obj:
    """`obj` with the number that the Scale says; shares the rest. Raises NotThere."""
    return at.with_number(obj, paths.replicas, (scale.get("spec") or {}).get("replicas", 0))
