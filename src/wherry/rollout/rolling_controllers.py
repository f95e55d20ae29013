"""The two ReplicationControllers of a rolling update: how the new one is made from the old, and what must hold between them. Pure.

Called by `rolling_update` and the command. The annotations are those of the kubectl that had this command, so that work begun by one can be
ended by the other.
Source: kubectl 1.17 pkg/kubectl/rolling_updater.go, pkg/kubectl/cmd/rollingupdate.
"""

from __future__ import annotations

import hashlib
import json

from wherry.api.objects import Obj, annotations_of, name
from wherry.rollout.errors import RolloutError

PREFIX = "kubectl.kubernetes.io/"
SOURCE = PREFIX + "update-source-id"
DESIRED = PREFIX + "desired-replicas"
ORIGINAL = PREFIX + "original-replicas"
NEXT = PREFIX + "next-controller-id"


def source_id(old: Obj) -> str:
    return f"{name(old)}:{old['metadata'].get('uid', '')}"


def noted(rc: Obj, **notes: str | None) -> Obj:
    """With annotations set (by the names of the constants above) and, for None, removed."""
    keys = {"source": SOURCE, "desired": DESIRED, "original": ORIGINAL, "next_": NEXT}
    kept = {**annotations_of(rc), **{keys[k]: v for k, v in notes.items()}}
    return {**rc, "metadata": {**rc["metadata"], "annotations": {k: v for k, v in kept.items() if v is not None}}}


def check(old: Obj, new: Obj, file: str) -> None:
    """Raises RolloutError: names and selectors must tell the two apart."""
    if name(old) == name(new):
        raise RolloutError(f"{file} cannot have the same name as the existing ReplicationController {name(old)}")
    before, after = old["spec"].get("selector") or {}, selector_of(new)
    if not any(key in after and after[key] != value for key, value in before.items()):
        raise RolloutError(f"{file} must specify a matching key with non-equal value in Selector for {name(old)}")


def selector_of(rc: Obj) -> dict[str, str]:
    """Its selector; by default the labels of its template."""
    spec = rc["spec"]
    labels: dict[str, str] = spec.get("selector") or ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    return labels


def digest(rc: Obj) -> str:
    """A short text that differs when the controller does."""
    return hashlib.md5(json.dumps(rc, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def with_image(old: Obj, image: str, *, container: str = "", new_name: str = "", key: str = "deployment", pull_policy: str = "") -> Obj:
    """The next controller: the old one with another image, told apart by `key` in selector and template. Raises RolloutError."""
    containers = old["spec"]["template"]["spec"]["containers"]
    at = _index(old, containers, container)
    changed = {**containers[at], "image": image, **({"imagePullPolicy": pull_policy} if pull_policy else {})}
    spec = old["spec"]
    pods = {**spec["template"]["spec"], "containers": [*containers[:at], changed, *containers[at + 1 :]]}
    draft = {**old, "spec": {**spec, "template": {**spec["template"], "spec": pods}}}
    mark = digest(draft)
    meta = spec["template"].get("metadata") or {}
    template = {"metadata": {**meta, "labels": {**(meta.get("labels") or {}), key: mark}}, "spec": pods}
    own = {"name": new_name or f"{name(old)}-{mark}", "namespace": old["metadata"].get("namespace", "")}
    own |= {k: old["metadata"][k] for k in ("labels",) if old["metadata"].get(k)}
    kept = {k: v for k, v in annotations_of(old).items() if k not in (SOURCE, DESIRED, ORIGINAL, NEXT)}
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {**own, **({"annotations": kept} if kept else {})},
            "spec": {**spec, "selector": {**(spec.get("selector") or {}), key: mark}, "template": template}}


def _index(old: Obj, containers: list[Obj], container: str) -> int:
    if container:
        for at, found in enumerate(containers):
            if found["name"] == container:
                return at
        raise RolloutError(f"container {container} not found in pod")
    if len(containers) > 1:
        raise RolloutError("must specify container to update when updating a multi-container pod")
    if not containers:
        raise RolloutError(f"pod has no containers! ({name(old)})")
    return 0


def renamed(rc: Obj, to: str) -> Obj:
    """The same controller under another name, as it would be created, without the marks of an update."""
    drop = (SOURCE, DESIRED, ORIGINAL, NEXT)
    notes = {k: v for k, v in annotations_of(rc).items() if k not in drop}
    meta = {"name": to, "namespace": rc["metadata"].get("namespace", ""), "labels": rc["metadata"].get("labels") or {},
            "annotations": notes}
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {k: v for k, v in meta.items() if v}, "spec": rc["spec"]}
