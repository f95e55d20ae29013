"""Requests and limits that a LimitRange gives to containers which do not say, and the annotation that tells.

Called with the private draft of a new pod, which it changes in place.
"""

from __future__ import annotations

from wherry.api.objects import Obj

ANNOTATION = "kubernetes.io/limit-ranger"


def fill_in(limit_range: Obj, pod: Obj) -> None:
    requests: Obj = {}
    limits: Obj = {}
    for item in (limit_range.get("spec") or {}).get("limits") or ():
        if item.get("type") == "Container":
            requests |= item.get("defaultRequest") or {}
            limits |= item.get("default") or {}
    said = []
    for field, what in (("containers", "container"), ("initContainers", "init container")):
        for container in pod["spec"].get(field) or ():
            said += _merge(container, requests, limits, what)
    if said:
        meta = pod["metadata"]
        meta["annotations"] = {**(meta.get("annotations") or {}), ANNOTATION: "LimitRanger plugin set: " + "; ".join(said)}


def _merge(container: Obj, requests: Obj, limits: Obj, what: str) -> list[str]:
    """What was set, in words."""
    resources = dict(container.get("resources") or {})
    said = []
    for part, word, defaults in (("requests", "request", requests), ("limits", "limit", limits)):
        given = resources.get(part) or {}
        missing = {name: value for name, value in defaults.items() if name not in given}
        if missing:
            resources[part] = given | missing
            said.append(f"{', '.join(sorted(missing))} {word} for {what} {container.get('name', '')}")
    if said:
        container["resources"] = resources
    return said
