"""What a kustomization does to objects: pure functions from objects to objects.

Called by `kustomize`. A renamed object is renamed wherever the others refer to it. Every object bears a note (`MARK`, dropped at the end)
of the names it had, by which an overlay may still mean it, and whether it wants a suffix that changes with its content.
Source: https://kubectl.docs.kubernetes.io/references/kustomize/builtins/
"""

from __future__ import annotations

import re
from typing import Any

from wherry.api.objects import Obj
from wherry.api.options import JSON_PATCH, STRATEGIC_PATCH
from wherry.api.resources import TABLE
from wherry.api.schema import Node, definition
from wherry.cli.kube.errors import CommandError
from wherry.rules.writing.patch import apply as apply_patch
from wherry.rules.writing.patch import merge_patch

#: a field that no manifest has
MARK = "\0kustomize"
#: fields that refer to another object by name: field, kind it refers to, where the name stands
_REFERENCES = (
    ("configMapRef", "ConfigMap", "name"), ("configMapKeyRef", "ConfigMap", "name"), ("configMap", "ConfigMap", "name"),
    ("secretRef", "Secret", "name"), ("secretKeyRef", "Secret", "name"), ("secret", "Secret", "secretName"), ("secret", "Secret", "name"),
    ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"))
_NAMES = {"serviceAccountName": "ServiceAccount", "serviceName": "Service"}
#: kinds that keep their names whatever the prefix
_FIXED = ("Namespace", "CustomResourceDefinition", "APIService")


def marked(obj: Obj) -> Obj:
    """With the note of its first name."""
    return obj if MARK in obj else {**obj, MARK: {"names": [obj["metadata"]["name"]], "hash": False}}


def names_of(obj: Obj) -> list[str]:
    """Its name and those it had."""
    return [obj["metadata"]["name"], *((obj.get(MARK) or {}).get("names") or ())]


def _replace(value: Any, change: Any) -> Any:
    """`change` is asked for every map, from the inside out."""
    if isinstance(value, dict):
        return change({k: _replace(v, change) for k, v in value.items()})
    return [_replace(v, change) for v in value] if isinstance(value, list) else value


def _meta(obj: Obj, **changes: Any) -> Obj:
    return {**obj, "metadata": {**(obj.get("metadata") or {}), **changes}}


def renamed(objects: list[Obj], prefix: str, suffix: str) -> list[Obj]:
    """Every name with prefix and suffix."""
    if not prefix and not suffix:
        return objects
    known = {(o["kind"], o["metadata"]["name"]) for o in objects if o["kind"] not in _FIXED}
    return with_names(objects, {(kind, name): f"{prefix}{name}{suffix}" for kind, name in known})


def with_names(objects: list[Obj], names: dict[tuple[str, str], str]) -> list[Obj]:
    """The objects, and whatever refers to them, under their new names: (kind, old name) -> new name."""
    if not names:
        return objects

    def named(kind: str, name: str) -> str:
        return names.get((kind, name), name)

    def change(part: Obj) -> Obj:
        out = dict(part)
        for field, kind, at in _REFERENCES:
            if isinstance(out.get(field), dict) and at in out[field]:
                out[field] = {**out[field], at: named(kind, out[field][at])}
        for field, kind in _NAMES.items():
            if isinstance(out.get(field), str):
                out[field] = named(kind, out[field])
        if isinstance(out.get("imagePullSecrets"), list):
            out["imagePullSecrets"] = [{**s, "name": named("Secret", s.get("name", ""))} for s in out["imagePullSecrets"]]
        for field in ("scaleTargetRef", "roleRef"):
            if isinstance(out.get(field), dict):
                out[field] = {**out[field], "name": named(out[field].get("kind", ""), out[field].get("name", ""))}
        if isinstance(out.get("subjects"), list):
            out["subjects"] = [{**s, "name": named(s.get("kind", ""), s.get("name", ""))} for s in out["subjects"]]
        if isinstance(out.get("service"), dict) and isinstance(out["service"].get("name"), str):
            out["service"] = {**out["service"], "name": named("Service", out["service"]["name"])}
        return out

    return [_meta(_replace(o, change), name=named(o["kind"], o["metadata"]["name"])) for o in objects]


def in_namespace(objects: list[Obj], namespace: str) -> list[Obj]:
    """Namespaced objects in that namespace, and the service accounts that bindings name."""
    accounts = {o["metadata"]["name"] for o in objects if o["kind"] == "ServiceAccount"}
    out = []
    for obj in objects:
        row = TABLE.by_kind(obj.get("apiVersion", ""), obj["kind"])
        moved = obj if row is not None and not row.namespaced else _meta(obj, namespace=namespace)
        if isinstance(moved.get("subjects"), list):
            moved = {**moved, "subjects": [{**s, "namespace": namespace} if s.get("kind") == "ServiceAccount" and s.get("name") in accounts
                                           else s for s in moved["subjects"]]}
        out.append(moved)
    return out


def _template_path(obj: Obj) -> list[str]:
    if obj["kind"] == "CronJob":
        return ["spec", "jobTemplate", "spec", "template"]
    return ["spec", "template"] if isinstance((obj.get("spec") or {}).get("template"), dict) else []


def _at(obj: Obj, path: list[str], change: Any) -> Obj:
    if not path:
        return change(obj)  # type: ignore[no-any-return]
    return {**obj, path[0]: _at(obj.get(path[0]) or {}, path[1:], change)}


def labelled(obj: Obj, labels: dict[str, str], *, selectors: bool, templates: bool) -> Obj:
    """With labels; in its selector and its pod template too when they are to be."""

    def tagged(part: Obj) -> Obj:
        return _meta(part, labels={**((part.get("metadata") or {}).get("labels") or {}), **labels})

    out = tagged(obj)
    path = _template_path(out)
    if templates and path:
        out = _at(out, path, tagged)
    if selectors:
        out = _selecting(out, labels)
    return out


def _selecting(obj: Obj, labels: dict[str, str]) -> Obj:
    spec = obj.get("spec") or {}
    if obj["kind"] in ("Service", "ReplicationController"):
        return {**obj, "spec": {**spec, "selector": {**spec["selector"], **labels}}} if spec.get("selector") else obj
    if obj["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        selector = spec.get("selector") or {}
        return {**obj, "spec": {**spec, "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **labels}}}}
    return obj


def annotated(obj: Obj, values: dict[str, str]) -> Obj:
    def noted(part: Obj) -> Obj:
        return _meta(part, annotations={**((part.get("metadata") or {}).get("annotations") or {}), **values})

    path = _template_path(obj)
    return noted(_at(obj, path, noted) if path else obj)


def with_image(obj: Obj, image: Obj) -> Obj:
    """Every container of that image with the new name, tag or digest."""

    def change(part: Obj) -> Obj:
        return {**part, "image": _imaged(part["image"], image)} if isinstance(part.get("image"), str) and "name" in part else part

    return _replace(obj, change)  # type: ignore[no-any-return]


def _imaged(current: str, image: Obj) -> str:
    found = re.fullmatch(r"(.+?)(:[^:/@]+)?(@.+)?", current)
    if found is None or found.group(1) != image.get("name"):
        return current
    name = image.get("newName") or found.group(1)
    if image.get("digest"):
        return f"{name}@{image['digest']}"
    if image.get("newTag") is not None:
        return f"{name}:{image['newTag']}"
    return f"{name}{found.group(2) or ''}{found.group(3) or ''}"


def with_replicas(obj: Obj, name: str, count: int) -> Obj:
    scaled = obj["kind"] in ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
    return {**obj, "spec": {**(obj.get("spec") or {}), "replicas": count}} if scaled and name in names_of(obj) else obj


def patched(objects: list[Obj], patch: Any, target: Obj | None) -> list[Obj]:
    """Every object that the target (or the patch itself) means, with the patch. Raises CommandError when there is none."""
    if target is None:
        meta = patch.get("metadata") or {}
        target = {"kind": f"^{patch.get('kind', '')}$", "name": f"^{meta.get('name', '')}$"}
    hits = [_is_target(obj, target) for obj in objects]
    if not any(hits):
        raise CommandError(f"no matches for Id {target.get('kind', '')}/{target.get('name', '')}; failed to find unique target for patch")
    return [_patch(obj, patch) if hit else obj for obj, hit in zip(objects, hits, strict=True)]


def _is_target(obj: Obj, target: Obj) -> bool:
    group, _, version = obj.get("apiVersion", "").rpartition("/")
    meta = obj["metadata"]
    facts = {"group": group, "version": version, "kind": obj["kind"], "namespace": meta.get("namespace", "")}
    if any(target.get(key) and not re.fullmatch(str(target[key]).strip("^$"), value) for key, value in facts.items()):
        return False
    if target.get("name") and not any(re.fullmatch(str(target["name"]).strip("^$"), name) for name in names_of(obj)):
        return False
    from wherry.rules.objects import selectors

    pairs = (("labelSelector", "labels"), ("annotationSelector", "annotations"))
    return all(not target.get(key) or selectors.parse(str(target[key])).matches(meta.get(field) or {}) for key, field in pairs)


def _patch(obj: Obj, patch: Any) -> Obj:
    if isinstance(patch, list):
        return apply_patch(JSON_PATCH, obj, patch, None)
    node = _node(obj)
    body = {**patch, "metadata": {k: v for k, v in (patch.get("metadata") or {}).items() if k != "name"}}
    return apply_patch(STRATEGIC_PATCH, obj, body, node) if node is not None else merge_patch.apply(obj, body)


def _node(obj: Obj) -> Node | None:
    row = TABLE.by_kind(obj.get("apiVersion", ""), obj["kind"])
    try:
        return definition(row.schema) if row is not None else None
    except KeyError:
        return None
