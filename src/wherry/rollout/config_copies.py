"""ConfigMaps and Secrets that a pod template refers to, and their copies named after their content. Pure.

Called by `remembering`. A copy is immutable, belongs to the workload (and goes with it), and is named after what it holds: the same content
is one copy, however many revisions refer to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import NamedTuple

from wherry.api.objects import Obj, annotations_of
from wherry.api.resources import Resource
from wherry.rollout.targets import CONFIG_MAPS, SECRETS

#: on a ReplicaSet or ControllerRevision: which copy of each object it ran with
CONFIG = "wherry.dev/config"
#: on a copy: what it is a copy of; and the label by which copies are found
COPY_OF, COPY = "wherry.dev/copy-of", "wherry.dev/config-copy"
_HASH, _LONGEST = 10, 253
_CONTENT = ("data", "binaryData", "type")


class Reference(NamedTuple):
    kind: str
    name: str

    @property
    def resource(self) -> Resource:
        return CONFIG_MAPS if self.kind == "ConfigMap" else SECRETS

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def references(template: Obj) -> list[Reference]:
    """What containers read as environment or volumes, each once, in the order of its kind and name."""
    spec = template.get("spec") or {}
    found = set(_of_volumes(spec))
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            found |= set(_of_container(container))
    return sorted(found)


def _of_container(container: Obj) -> Iterator[Reference]:
    for source in container.get("envFrom") or ():
        yield from _named(source, (("configMapRef", "ConfigMap", "name"), ("secretRef", "Secret", "name")))
    for variable in container.get("env") or ():
        yield from _named(variable.get("valueFrom") or {}, (("configMapKeyRef", "ConfigMap", "name"), ("secretKeyRef", "Secret", "name")))


def _of_volumes(spec: Obj) -> Iterator[Reference]:
    for volume in spec.get("volumes") or ():
        yield from _named(volume, (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")))
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield from _named(source, (("configMap", "ConfigMap", "name"), ("secret", "Secret", "name")))


def _named(holder: Obj, fields: tuple[tuple[str, str, str], ...]) -> Iterator[Reference]:
    for field, kind, at in fields:
        name = (holder.get(field) or {}).get(at)
        if name:
            yield Reference(kind, name)


def content(obj: Obj) -> Obj:
    """What matters of a ConfigMap or Secret."""
    return {field: obj[field] for field in _CONTENT if obj.get(field)}


def copy_of(original: Obj, reference: Reference, owner: Obj) -> Obj:
    """The copy, to be created. `owner`: the workload."""
    held = content(original)
    digest = hashlib.sha256(json.dumps([reference.kind, held], sort_keys=True).encode()).hexdigest()[:_HASH]
    name = f"{reference.name[: _LONGEST - _HASH - 1].rstrip('.-')}-{digest}"
    meta = owner["metadata"]
    belongs = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {"apiVersion": "v1", "kind": reference.kind, **held, "immutable": True,
            "metadata": {"name": name, "namespace": meta.get("namespace", ""), "labels": {COPY: "true"},
                         "annotations": {COPY_OF: reference.name}, "ownerReferences": [belongs]}}


def remembered(source: Obj) -> dict[Reference, str]:
    """The copies that a revision ran with. A note that came from another ReplicaSet (by kubectl's undo) does not count."""
    try:
        found = json.loads(annotations_of(source).get(CONFIG, "{}"))
        if found.get("of") != source["metadata"]["name"]:
            return {}
        return {Reference(*key.split("/", 1)): str(copy) for key, copy in found["copies"].items()}
    except (ValueError, KeyError, AttributeError, TypeError):
        return {}


def note(source: Obj, copies: dict[Reference, str]) -> str:
    """The annotation for a revision."""
    named = {str(reference): copy for reference, copy in sorted(copies.items())}
    return json.dumps({"of": source["metadata"]["name"], "copies": named}, separators=(",", ":"))
