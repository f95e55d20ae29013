"""Where the kinds with pods in them keep the pod's metadata and spec; which changes of a pod matter to a policy."""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.admission.pod_security.words import containers_of

_TEMPLATE = ("spec", "template")
#: group resource -> path of the template
WORKLOADS: dict[str, tuple[str, ...]] = {
    "replicationcontrollers": _TEMPLATE,
    "podtemplates": ("template",),
    "replicasets.apps": _TEMPLATE,
    "deployments.apps": _TEMPLATE,
    "statefulsets.apps": _TEMPLATE,
    "daemonsets.apps": _TEMPLATE,
    "jobs.batch": _TEMPLATE,
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
}


def template_of(group_resource: str, obj: Obj) -> Obj | None:
    """The template, None where there is none."""
    found: Obj | None = obj
    for name in WORKLOADS[group_resource]:
        found = (found or {}).get(name)
    return found


def is_significant(new: Obj, old: Obj) -> bool:
    """An image changed, or a container was added; nothing else of a pod can change what a policy says."""
    for part in ("containers", "initContainers"):
        mine, before = new["spec"].get(part) or (), old["spec"].get(part) or ()
        if [c.get("image") for c in mine] != [c.get("image") for c in before]:
            return True
    images = {c.get("name"): c.get("image") for c in containers_of({"ephemeralContainers": old["spec"].get("ephemeralContainers")})}
    return any(c.get("image") != images.get(c.get("name"), ...) for c in new["spec"].get("ephemeralContainers") or ())
