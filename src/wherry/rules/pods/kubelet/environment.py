"""The environment of a container: its variables in full, or why they cannot be had.

Called by the node before each start, with what the references name (`references.of_container`). `envFrom` first, `env` over it, Services'
variables where neither says anything. A problem is the message of CreateContainerConfigError, in the reference's words.
Source of the rule: pkg/kubelet/kubelet_pods.go makeEnvironmentVariables; https://kubernetes.io/docs/tasks/inject-data-application/.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TypeAlias

from wherry.api.objects import Obj, namespace
from wherry.rules.pods.kubelet import env_files
from wherry.rules.pods.kubelet.expansion import expand, missing
from wherry.rules.pods.kubelet.field_values import Setting, field_value, resource_value
from wherry.rules.pods.kubelet.references import Found, Ref

NOTHING: Mapping[str, str] = {}
#: (volume, path) -> a file's text, None for one that cannot be read
Files: TypeAlias = Mapping[tuple[str, str], str | None]
NO_FILES: Files = {}
_KINDS = {"configmaps": ("configmap", "ConfigMap"), "secrets": ("secret", "Secret")}


class ConfigProblem(Exception):
    """The container cannot be created as it is described now."""


def not_found(ref: Ref) -> str:
    return f'{_KINDS[ref.resource][0]} "{ref.name}" not found'


def entries(ref: Ref, obj: Obj) -> dict[str, str]:
    """The texts that a ConfigMap or Secret holds."""
    data: dict[str, str] = obj.get("data") or {}
    if ref.resource == "configmaps":
        return data
    return {key: base64.b64decode(value).decode("utf-8", "surrogateescape") for key, value in data.items()}


def files_of(container: Obj) -> list[tuple[str, str]]:
    """Volume and path of each file that its variables are read from."""
    sources = [variable.get("valueFrom") or {} for variable in container.get("env") or ()]
    found = [(source["fileKeyRef"]["volumeName"], source["fileKeyRef"]["path"]) for source in sources if "fileKeyRef" in source]
    return list(dict.fromkeys(found))


def resolve(
    pod: Obj, container: Obj, found: Found, setting: Setting, services: Mapping[str, str] = NOTHING, files: Files = NO_FILES
) -> dict[str, str]:
    """By name. `files`: those of `files_of`. Raises ConfigProblem."""
    result = _all_of(container, found)
    for variable in container.get("env") or ():
        name, source = variable["name"], variable.get("valueFrom")
        if variable.get("value"):
            result[name] = expand(variable["value"], result, services)
        elif not source:
            result[name] = ""
        elif "fileKeyRef" in source:
            if text := _filed(source["fileKeyRef"], files):
                result[name] = text
        elif (value := _sourced(pod, container, source, found, setting)) is not None:
            result[name] = value
    return {**services, **result}


def _all_of(container: Obj, found: Found) -> dict[str, str]:
    result: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        which = "configMapRef" if "configMapRef" in source else "secretRef"
        ref = Ref("configmaps" if which == "configMapRef" else "secrets", source[which].get("name", ""))
        obj = found.get(ref)
        if obj is not None:
            prefix = source.get("prefix") or ""
            result.update({prefix + key: value for key, value in entries(ref, obj).items()})
        elif not source[which].get("optional"):
            raise ConfigProblem(not_found(ref))
    return result


def _sourced(pod: Obj, container: Obj, source: Obj, found: Found, setting: Setting) -> str | None:
    """None: the variable is left out."""
    try:
        if "fieldRef" in source:
            return field_value(pod, source["fieldRef"]["fieldPath"], setting)
        if "resourceFieldRef" in source:
            return resource_value(pod, container, source["resourceFieldRef"], setting)
    except ValueError as error:
        raise ConfigProblem(str(error)) from error
    which = "configMapKeyRef" if "configMapKeyRef" in source else "secretKeyRef"
    return _key(pod, Ref("configmaps" if which == "configMapKeyRef" else "secrets", source[which].get("name", "")), source[which], found)


def _filed(wanted: Obj, files: Files) -> str:
    """Empty for a variable that is left out."""
    at = wanted["volumeName"], wanted["path"]
    if at not in files:
        raise ConfigProblem("volumes of simulated nodes hold no files to read environment variables from (fileKeyRef)")
    text = files[at]
    try:
        value = env_files.value(text, wanted["key"]) if text is not None else None
    except ValueError:
        value = None
    if value is None:
        raise ConfigProblem("couldn't parse env file")
    if not value and not wanted.get("optional"):
        raise ConfigProblem(f'environment variable key "{wanted["key"]}" not found in file "{wanted["path"]}"')
    return value


def _key(pod: Obj, ref: Ref, wanted: Obj, found: Found) -> str | None:
    obj, optional = found.get(ref), bool(wanted.get("optional"))
    if obj is None:
        if optional:
            return None
        raise ConfigProblem(not_found(ref))
    listed = entries(ref, obj)
    if wanted["key"] not in listed and not optional:
        raise ConfigProblem(f"couldn't find key {wanted['key']} in {_KINDS[ref.resource][1]} {namespace(pod)}/{ref.name}")
    return listed.get(wanted["key"])


def sub_path(mount: Obj, environment: Mapping[str, str]) -> str:
    """The path below the volume that a mount takes. Raises ConfigProblem for a variable that is not there."""
    expression = mount.get("subPathExpr")
    if not expression:
        return mount.get("subPath") or ""
    unknown = missing(expression, environment)
    if unknown:
        raise ConfigProblem(f"missing value for {', '.join(unknown)}")
    return expand(expression, environment)
