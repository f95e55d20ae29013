"""A pod from a pod template.

Called by every rule that creates pods from a template without an identity (ReplicaSet, DaemonSet, Job). Template, owner and a name's
suffix in, the pod to create out. The pod shares its parts with the template, and all pods with each other; neither is changed afterwards.
Source of the rule: pkg/controller GetPodFromTemplate; k8s.io/apiserver/pkg/storage/names (generated names).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from wherry.api import objects
from wherry.api.objects import Obj

_LONGEST_BASE = 58  # a label's 63 characters less 5 random ones
_LONGEST_NAME = 253


@lru_cache(maxsize=1024)
def name_prefix(owner_name: str) -> str:
    """`web-` for the pods of `web`; the bare name where a dash would make it too long."""
    prefix = f"{owner_name}-"
    return prefix if len(prefix) <= _LONGEST_NAME else owner_name


def generated_name(prefix: str, suffix: str) -> str:
    return prefix[:_LONGEST_BASE] + suffix


def pod_from_template(template: Obj, owner: Obj, suffix: str) -> Obj:
    """The pod that `owner` creates; `suffix` is the random part of its name."""
    given = template.get("metadata") or {}
    prefix = name_prefix(objects.name(owner))
    metadata: dict[str, Any] = {"name": generated_name(prefix, suffix), "generateName": prefix, "namespace": objects.namespace(owner)}
    metadata.update({k: given[k] for k in ("labels", "annotations", "finalizers") if given.get(k)})
    metadata["ownerReferences"] = [objects.controller_ref(owner)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
