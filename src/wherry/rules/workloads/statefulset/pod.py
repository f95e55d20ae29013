"""The pod of an ordinal: from the template of the right revision, with name, labels, host name and claims of its own.

Called by `replicas` for a member without a pod. The pod shares its parts with the template; neither is changed afterwards.
Source of the rule: pkg/controller/statefulset newVersionedStatefulSetPod, initIdentity.
"""

from __future__ import annotations

from typing import Any

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.workloads import revisions
from wherry.rules.workloads.replicaset.template import pod_from_template
from wherry.rules.workloads.statefulset import identity, storage, strategy
from wherry.rules.workloads.statefulset.view import View


def wanted_revision(view: View, ordinal: int) -> Obj:
    """The revision that a pod of that ordinal would be made from."""
    return view.current if strategy.keeps_current(view.stateful_set, ordinal) else view.update


def new_pod(view: View, ordinal: int) -> Obj:
    stateful_set, revision = view.stateful_set, wanted_revision(view, ordinal)
    name = identity.pod_name(stateful_set, ordinal)
    pod = pod_from_template(revisions.template_of(revision, stateful_set), stateful_set, "")
    labels = {**objects.labels(pod), **identity.labels(name, ordinal), revisions.POD_LABEL: objects.name(revision)}
    spec: dict[str, Any] = {**pod["spec"], "hostname": name}
    if service := stateful_set["spec"].get("serviceName"):
        spec["subdomain"] = service
    else:
        spec.pop("subdomain", None)
    if storage.templates(stateful_set):
        spec["volumes"] = storage.volumes(stateful_set, name, spec.get("volumes") or [])
    return {**pod, "metadata": {**pod["metadata"], "name": name, "labels": labels}, "spec": spec}


def repaired(stateful_set: Obj, pod: Obj) -> Obj:
    """The pod with the labels and volumes that a member has."""
    name = objects.name(pod)
    labels = {**objects.labels(pod), **identity.labels(name, identity.ordinal_of(objects.name(stateful_set), name))}
    changed = objects.with_metadata(pod, labels=labels)
    if storage.fits(stateful_set, pod):
        return changed
    return {**changed, "spec": {**pod["spec"], "volumes": storage.volumes(stateful_set, name, pod["spec"].get("volumes") or [])}}
