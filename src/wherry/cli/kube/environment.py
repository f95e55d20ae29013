"""Environment variables on a command line and in containers: reading, merging, showing. Pure but for `resolved`, which asks the server.

Source: kubectl pkg/cmd/set/set_env.go, pkg/cmd/set/env.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.cli.kube.errors import CommandError
from wherry.rules.objects.names import env_var_name

if TYPE_CHECKING:
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_ARGUMENT = re.compile(r"(?s).+=.*")
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """(objects, changes): changes are KEY=VALUE, KEY- and -."""
    objects: list[str] = []
    changes: list[str] = []
    for word in words:
        if _ARGUMENT.fullmatch(word) or word.endswith("-"):
            changes.append(word)
        elif changes:
            raise CommandError(f"all resources must be specified before environment changes: {' '.join(words)}")
        else:
            objects.append(word)
    return objects, changes


def parse(words: Iterable[str], stdin: TextIO) -> tuple[list[Obj], list[str]]:
    """(variables, names to remove); `-` reads variables from stdin."""
    variables: list[Obj] = []
    removed: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if word == "-":
            variables += _read(stdin)
        elif equals:
            if problems := list(env_var_name(name)):
                raise CommandError(f'"{name}" is not a valid key name: {";".join(problems)}')
            variables.append({"name": name, "value": value})
        elif word.endswith("-"):
            removed.append(word[:-1])
        else:
            raise CommandError(f"unknown environment variable: {word}")
    if any(v["name"] in removed for v in variables):
        raise CommandError("can not both modify and remove the same environment variable in the same command")
    return variables, removed


def _read(stream: TextIO) -> list[Obj]:
    pairs = (line.partition("#")[0].rstrip("\n").partition("=") for line in stream)
    return [{"name": name, "value": value} for name, equals, value in pairs if equals]


def name_of(key: str) -> str:
    """The name of the variable for a key of a ConfigMap or Secret."""
    return _NOT_IN_NAMES.sub("_", key).upper()


def check_overwrite(shown: str, containers: list[Obj], variables: list[Obj]) -> None:
    for container in containers:
        current = {v["name"]: v.get("value", "") for v in container.get("env") or ()}
        for variable in variables:
            name = variable["name"]
            if name in current and current[name] != variable.get("value", ""):
                raise CommandError(f"error: {shown} '{name}' already has a value ({current[name]}), and --overwrite is false\n")


def applied(container: Obj, variables: list[Obj], removed: list[str]) -> Obj:
    """The container with variables set (in the place of those they replace) and removed."""
    new = {v["name"]: v for v in reversed(variables)}
    out: list[Obj] = []
    covered = set(removed)
    for variable in container.get("env") or ():
        if variable["name"] in covered:
            continue
        if variable["name"] in new:
            covered.add(variable["name"])
        out.append(new.get(variable["name"], variable))
    for variable in variables:
        if variable["name"] not in covered:
            covered.add(variable["name"])
            out.append(variable)
    rest = {k: v for k, v in container.items() if k != "env"}
    return {**rest, "env": out} if out else rest


def shown(variable: Obj, value: str = "") -> str:
    """A line of --list."""
    source = variable.get("valueFrom")
    if source is None:
        return f"{variable['name']}={variable.get('value', '')}"
    return f"{variable['name']}={value}" if value else f"# {variable['name']} from {reference(source)}"


def reference(source: Obj) -> str:
    """What a valueFrom points at, in words."""
    if "configMapKeyRef" in source:
        return f"configmap {source['configMapKeyRef'].get('name', '')}, key {source['configMapKeyRef'].get('key', '')}"
    if "secretKeyRef" in source:
        return f"secret {source['secretKeyRef'].get('name', '')}, key {source['secretKeyRef'].get('key', '')}"
    if "fieldRef" in source:
        return f"field path {source['fieldRef'].get('fieldPath', '')}"
    if "resourceFieldRef" in source:
        prefix = source["resourceFieldRef"].get("containerName", "")
        return f"resource field {prefix + '/' if prefix else ''}{source['resourceFieldRef'].get('resource', '')}"
    return "invalid valueFrom"


async def resolved(kube: Kube, info: Info, container: Obj, variable: Obj) -> tuple[str, str]:
    """(value, problem) of a variable that takes its value from elsewhere."""
    source = variable.get("valueFrom") or {}
    for key, plural in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if key in source:
            ref = source[key]
            try:
                data = (await kube.client.get(resource(plural), info.namespace, ref.get("name", ""))).get("data") or {}
            except StatusError as error:
                return "", error.message
            if ref.get("key") not in data:
                return "", f"key {ref.get('key')} not found in {plural[:-1]} {ref.get('name')}"
            value = data[ref["key"]]
            return base64.b64decode(value).decode("utf-8", "replace") if plural == "secrets" else value, ""
    if "resourceFieldRef" in source:
        from wherry.rollout.template_text import resource_value

        return resource_value(source["resourceFieldRef"], container), ""
    return "", ""
