"""The volumes of a pod that hold what other objects say: their files, or why they cannot be set up.

Called by the node before a pod gets its sandbox, with what the references name (`references.of_volumes`), and again when these change.
A problem is the end of a FailedMount event, in the reference's words.
Source of the rule: pkg/volume/{configmap,secret,projected,downwardapi}; https://kubernetes.io/docs/concepts/storage/volumes/.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.environment import not_found
from wherry.rules.pods.kubelet.field_values import Setting, field_value, resource_value
from wherry.rules.pods.kubelet.references import Found, Ref, of_volumes

#: seconds before volumes that could not be set up are tried again: doubled each time, up to the longest
FIRST_WAIT, LONGEST_WAIT = 0.5, 122.0
_DEFAULT_MODE = 0o644


class MountProblem(Exception):
    """The volume cannot be set up as things are."""


class File(NamedTuple):
    """One file of a volume: its mode, and its content."""

    mode: int
    data: bytes


def failed(volume: str, why: str) -> str:
    """The message of the FailedMount event."""
    return f'MountVolume.SetUp failed for volume "{volume}" : {why}'


def next_wait(wait: float) -> float:
    """Seconds until the next try, given the last wait (0: this was the first failure)."""
    return min(wait * 2, LONGEST_WAIT) if wait else FIRST_WAIT


def problems(pod: Obj, found: Found) -> list[tuple[str, str]]:
    """Of the volumes made of ConfigMaps and Secrets: which cannot be set up (the volume), and why.

    Volumes of which nothing was read are fine.
    """
    listed = []
    for volume in pod["spec"].get("volumes") or ():
        try:
            if any(ref in found for ref in of_volumes({"volumes": [volume]}, credentials=True)):
                _of_objects(volume, found)
        except MountProblem as problem:
            listed.append((volume["name"], str(problem)))
    return listed


def _of_objects(volume: Obj, found: Found) -> dict[str, File]:
    if "configMap" in volume:
        source = volume["configMap"]
        return _payload(Ref("configmaps", source.get("name", "")), source, found, source.get("defaultMode", _DEFAULT_MODE))
    if "secret" in volume:
        source = volume["secret"]
        return _payload(Ref("secrets", source.get("secretName", "")), source, found, source.get("defaultMode", _DEFAULT_MODE))
    if "projected" in volume:
        return _projected(volume["projected"], found)
    return {}


def _projected(projected: Obj, found: Found) -> dict[str, File]:
    """All that is wrong is told at once."""
    mode = projected.get("defaultMode", _DEFAULT_MODE)
    files: dict[str, File] = {}
    wrong: list[str] = []
    for source in projected.get("sources") or ():
        for kind, resource in (("configMap", "configmaps"), ("secret", "secrets")):
            if kind in source:
                try:
                    files.update(_payload(Ref(resource, source[kind].get("name", "")), source[kind], found, mode))
                except MountProblem as problem:
                    wrong.append(str(problem))
    if wrong:
        raise MountProblem(wrong[0] if len(wrong) == 1 else f"[{', '.join(dict.fromkeys(wrong))}]")
    return files


def _payload(ref: Ref, source: Obj, found: Found, mode: int) -> dict[str, File]:
    """Raises MountProblem."""
    obj, optional = found.get(ref), bool(source.get("optional"))
    if obj is None:
        if optional:
            return {}
        raise MountProblem(not_found(ref))
    content = _bytes(ref, obj)
    items = source.get("items")
    if not items:
        return {key: File(mode, data) for key, data in content.items()}
    files = {}
    for item in items:
        if item["key"] in content:
            files[item["path"]] = File(item["mode"] if item.get("mode") is not None else mode, content[item["key"]])
        elif not optional:
            kind = "configmap references non-existent config key" if ref.resource == "configmaps" else "references non-existent secret key"
            raise MountProblem(f"{kind}: {item['key']}")
    return files


def _bytes(ref: Ref, obj: Obj) -> dict[str, bytes]:
    data = obj.get("data") or {}
    if ref.resource == "secrets":
        return {key: base64.b64decode(value) for key, value in data.items()}
    binary = {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}
    return {**{key: value.encode() for key, value in data.items()}, **binary}


def files(pod: Obj, volume: Obj, found: Found, setting: Setting) -> dict[str, File] | None:
    """By path below the volume; None for a volume that is not made of objects. Tokens are the node's to add. Raises MountProblem."""
    if "downwardAPI" in volume:
        source = volume["downwardAPI"]
        return dict(_downward(pod, source, setting, source.get("defaultMode", _DEFAULT_MODE)))
    if "projected" in volume:
        projected = volume["projected"]
        made = _projected(projected, found)
        for source in projected.get("sources") or ():
            if "downwardAPI" in source:
                made.update(_downward(pod, source["downwardAPI"], setting, projected.get("defaultMode", _DEFAULT_MODE)))
        return made
    return _of_objects(volume, found) if "configMap" in volume or "secret" in volume else None


def _downward(pod: Obj, source: Obj, setting: Setting, mode: int) -> Iterator[tuple[str, File]]:
    for item in source.get("items") or ():
        try:
            if "fieldRef" in item:
                text = field_value(pod, item["fieldRef"]["fieldPath"], setting)
            else:
                text = resource_value(pod, {}, item["resourceFieldRef"], setting)
        except ValueError as error:
            raise MountProblem(str(error)) from error
        yield item["path"], File(item["mode"] if item.get("mode") is not None else mode, text.encode())
