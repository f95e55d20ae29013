"""ConfigMaps and Secrets that a kustomization makes of literals and files, and the suffix of their names that changes with their content.

Called by `kustomize`. An overlay means a generated object by its first name, and the suffix is made last of all, when nothing
changes any more.
Source: kustomize api/internal/generators, api/hasher/hasher.go, api/types/kvpairsources.go.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wherry.api.objects import Obj
from wherry.cli.kube import kustomize_edit as edit
from wherry.cli.kube.errors import CommandError
from wherry.cli.kube.kustomize_edit import MARK, names_of

_KINDS = {"configMapGenerator": "ConfigMap", "secretGenerator": "Secret"}
_KNOWN = {"name", "namespace", "behavior", "literals", "files", "envs", "env", "options", "type"}
_ALPHABET = {"0": "g", "1": "h", "3": "k", "a": "m", "e": "t"}
_LENGTH = 10


def generated(directory: Path, config: Obj, objects: list[Obj]) -> list[Obj]:
    """The objects with those that the kustomization generates: added, or by their behavior merged into one that is there."""
    for field, kind in _KINDS.items():
        for entry in config.get(field) or ():
            unknown = sorted(set(entry) - _KNOWN)
            if unknown:
                raise CommandError(f"{directory}: {field}: {', '.join(unknown)} is not supported here")
            fresh = _made(directory, entry, kind, config.get("generatorOptions") or {})
            objects = _added(objects, fresh, entry.get("behavior") or "create")
    return objects


def _made(directory: Path, entry: Obj, kind: str, common: Obj) -> Obj:
    own = entry.get("options") or {}
    options = {**common, **own, **{part: {**(common.get(part) or {}), **(own.get(part) or {})} for part in ("labels", "annotations")}}
    meta: Obj = {"name": str(entry["name"])}
    if entry.get("namespace"):
        meta["namespace"] = entry["namespace"]
    for part in ("labels", "annotations"):
        if options[part]:
            meta[part] = options[part]
    obj: Obj = {"apiVersion": "v1", "kind": kind, "metadata": meta, **_content(_pairs(directory, entry), kind)}
    if kind == "Secret":
        obj["type"] = entry.get("type") or "Opaque"
    if options.get("immutable"):
        obj["immutable"] = True
    return {**obj, MARK: {"names": [meta["name"]], "hash": not options.get("disableNameSuffixHash")}}


def _pairs(directory: Path, entry: Obj) -> dict[str, bytes]:
    pairs: dict[str, bytes] = {}
    envs = [*(entry.get("envs") or ()), *([entry["env"]] if entry.get("env") else [])]
    for key, value in (*_literals(entry.get("literals") or ()), *_files(directory, entry.get("files") or ()), *_envs(directory, envs)):
        if key in pairs:
            raise CommandError(f"cannot add key {key}, another key by that name already exists in {entry['name']}")
        pairs[key] = value
    return pairs


def _literals(texts: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    for text in texts:
        key, equals, value = str(text).partition("=")
        if not key or not equals:
            raise CommandError(f"invalid literal source {text}, expected key=value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        yield key, value.encode()


def _files(directory: Path, texts: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    for text in texts:
        first, equals, rest = str(text).partition("=")
        path = directory / (rest if equals else first)
        yield first if equals else path.name, _read(path)


def _envs(directory: Path, names: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    for name in names:
        for line in _read(directory / str(name)).decode("utf-8-sig").splitlines():
            line = line.lstrip()
            if line and not line.startswith("#"):
                key, _, value = line.partition("=")
                yield key, value.encode()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"open {path}: {(error.strerror or '').lower()}") from None


def _content(pairs: dict[str, bytes], kind: str) -> Obj:
    if kind == "Secret":
        return {"data": {k: base64.b64encode(v).decode() for k, v in pairs.items()}} if pairs else {}
    plain, binary = {}, {}
    for key, value in pairs.items():
        try:
            plain[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(value).decode()
    return {**({"data": plain} if plain else {}), **({"binaryData": binary} if binary else {})}


def _added(objects: list[Obj], fresh: Obj, behavior: str) -> list[Obj]:
    name, kind = fresh["metadata"]["name"], fresh["kind"]
    at = next((i for i, obj in enumerate(objects) if obj["kind"] == kind and name in names_of(obj)), -1)
    if behavior == "create":
        if at >= 0:
            raise CommandError(f"id {kind}/{name} exists; behavior must be merge or replace")
        return [*objects, fresh]
    if behavior not in ("merge", "replace"):
        raise CommandError(f"{kind}/{name}: behavior {behavior} is not one of create, merge, replace")
    if at < 0:
        raise CommandError(f"id {kind}/{name} does not exist; cannot merge or replace")
    return [*objects[:at], _combined(objects[at], fresh, behavior), *objects[at + 1 :]]


def _combined(old: Obj, fresh: Obj, behavior: str) -> Obj:
    """The new content (over the old one, when merged) under the old name."""
    meta, new = old["metadata"], fresh["metadata"]
    joined = {part: {**(meta.get(part) or {}), **(new.get(part) or {})} for part in ("labels", "annotations")}
    out = {**fresh, "metadata": {**meta, **{k: v for k, v in joined.items() if v}}}
    if behavior == "merge":
        for part in ("data", "binaryData"):
            if old.get(part) or fresh.get(part):
                out[part] = {**(old.get(part) or {}), **(fresh.get(part) or {})}
    return {**out, MARK: {"names": list(names_of(old)), "hash": fresh[MARK]["hash"]}}


def finished(objects: list[Obj]) -> list[Obj]:
    """Generated names with the suffix of their content, wherever they stand, and without the notes."""
    hashed = [obj for obj in objects if (obj.get(MARK) or {}).get("hash")]
    suffixed = {(obj["kind"], obj["metadata"]["name"]): f"{obj['metadata']['name']}-{suffix(obj)}" for obj in hashed}
    bare = [{k: v for k, v in obj.items() if k != MARK} for obj in objects]
    return edit.with_names(bare, suffixed)


def suffix(obj: Obj) -> str:
    """Ten letters that change with the content. The name is part of the form, but always empty in it."""
    shown: dict[str, Any] = {"kind": obj["kind"], "name": "", "data": obj.get("data", "")}
    if obj["kind"] == "Secret":
        shown["type"] = obj.get("type", "")
    elif obj.get("binaryData"):
        shown["binaryData"] = obj["binaryData"]
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for plain, escaped in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
        text = text.replace(plain, escaped)
    digest = hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
    return "".join(_ALPHABET.get(letter, letter) for letter in digest)
