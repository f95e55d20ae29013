"""The containers of a pod: regular ones, init containers and ephemeral ones.

Called by the rule of pod specs. Invariant: a name is there once among all kinds of containers of a pod.
Source: pkg/apis/core/validation validateContainers, validateInitContainers, validateEphemeralContainers, validateContainerCommon;
KEP-753 (sidecars), KEP-5307 and KEP-5532 (restart rules), KEP-1287 (resize).
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, not_found, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label
from wherry.rules.schema.validation.pods.container_ports import host_ports, ports
from wherry.rules.schema.validation.pods.container_restarts import restarts
from wherry.rules.schema.validation.pods.env import env, env_from
from wherry.rules.schema.validation.pods.mounts import Volumes, devices, mounts
from wherry.rules.schema.validation.pods.probes import none_of_these, run_errors
from wherry.rules.schema.validation.pods.resources import container_resources
from wherry.rules.schema.validation.pods.scheduling import choice
from wherry.rules.schema.validation.pods.security import container_context

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_RESIZED = ("cpu", "memory")
_RESIZES = ("NotRequired", "RestartContainer")
#: what an ephemeral container may not have, beside resources
_NOT_EPHEMERAL = ("resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")
_NOT_SET = "cannot be set for an Ephemeral Container"


class Around(NamedTuple):
    """What of its pod a container's rules look at."""

    volumes: Volumes
    claims: Collection[str]
    grace: int | None
    restart_policy: str
    host_users: bool


def containers(entries: list[Obj], around: Around, path: str) -> Errors:
    if not entries:
        return [required(path)]
    errors: Errors = []
    seen: set[str] = set()
    for i, container in enumerate(entries):
        at, name = f"{path}[{i}]", container.get("name") or ""
        errors += _common(container, around, at)
        if name in seen:
            errors.append(duplicate(child(at, "name"), name))
        seen.add(name)
        errors += run_errors(container, around.grace, at)
        errors += restarts(container, at)
    return errors + host_ports(entries, path)


def init_containers(entries: list[Obj], regular: list[Obj], around: Around, path: str) -> Errors:
    errors: Errors = []
    seen = {c.get("name") or "" for c in regular}
    for i, container in enumerate(entries):
        at, name = index(path, i), container.get("name") or ""
        errors += _common(container, around, at) + restarts(container, at, init=True)
        if name in seen:
            errors.append(duplicate(child(at, "name"), name))
        elif name:
            seen.add(name)
        errors += host_ports([container], path)
        if container.get("restartPolicy") == "Always":
            errors += run_errors(container, around.grace, at)
        else:
            errors += none_of_these(container, at) + _no_restart(container, child(at, "resizePolicy"))
    return errors


def _no_restart(container: Obj, path: str) -> Errors:
    text = "must not be set to 'RestartContainer' for non-sidecar initContainers"
    policies = enumerate(container.get("resizePolicy") or ())
    return [
        invalid(f"{path}[{j}].restartPolicy", "RestartContainer", text) for j, p in policies if p.get("restartPolicy") == "RestartContainer"
    ]


def ephemeral_containers(entries: list[Obj], others: list[Obj], around: Around, path: str) -> Errors:
    """`others`: the regular and the init containers, which an ephemeral one may look into."""
    errors: Errors = []
    targets = {c.get("name") or "" for c in others}
    seen = set(targets)
    for i, container in enumerate(entries):
        at, name, target = index(path, i), container.get("name") or "", container.get("targetContainerName")
        errors += _common(container, around, at) + trimmed_image(container, at)
        if name in seen:
            errors.append(duplicate(child(at, "name"), name))
        seen.add(name)
        if target and target not in targets:
            errors.append(not_found(child(at, "targetContainerName"), target))
        errors += _only_debugging(container, at)
    return errors


def _only_debugging(container: Obj, path: str) -> Errors:
    """Nothing that the pod's own work would rest on; no sub-paths, which would stay behind."""
    fields = ["ports"] if container.get("ports") is not None else []
    if any(v is not None for v in (container.get("resources") or {}).values()):
        fields.append("resources")
    fields += [n for n in _NOT_EPHEMERAL if container.get(n) is not None]
    for i, mount in enumerate(container.get("volumeMounts") or ()):
        fields += [f"volumeMounts[{i}].{n}" for n in ("subPath", "subPathExpr") if mount.get(n)]
    return [forbidden(child(path, n), _NOT_SET) for n in fields]


def trimmed_image(container: Obj, path: str) -> Errors:
    """Of containers in pods; templates may have blanks around an image."""
    image = container.get("image") or ""
    text = "must not have leading or trailing whitespace"
    return [] if image == image.strip() else [invalid(child(path, "image"), image, text)]


@lru_cache(maxsize=2048)
def _good_name(name: str) -> bool:
    return not dns1123_label(name)


def _common(container: Obj, around: Around, path: str) -> Errors:
    """Rules of every kind of container."""
    get = container.get
    errors: Errors = []
    name = get("name")
    if not name:
        errors.append(required(child(path, "name")))
    elif not _good_name(name):
        errors += [invalid(child(path, "name"), name, m) for m in dns1123_label(name)]
    if not get("image"):
        errors.append(required(child(path, "image")))
    if get("terminationMessagePolicy") not in _MESSAGE_POLICIES:
        errors += choice(get("terminationMessagePolicy"), _MESSAGE_POLICIES, child(path, "terminationMessagePolicy"))
    if listed := get("ports"):
        errors += ports(listed, f"{path}.ports")
    if listed := get("env"):
        errors += env(listed, f"{path}.env")
    if listed := get("envFrom"):
        errors += env_from(listed, f"{path}.envFrom")
    if get("volumeMounts"):
        errors += mounts(container, around.volumes, f"{path}.volumeMounts")
    if get("volumeDevices"):
        errors += devices(container, around.volumes, f"{path}.volumeDevices")
    if get("imagePullPolicy") not in PULL_POLICIES:
        errors += choice(get("imagePullPolicy"), PULL_POLICIES, child(path, "imagePullPolicy"))
    if resources := get("resources"):
        errors += container_resources(resources, around.claims, f"{path}.resources")
    if listed := get("resizePolicy"):
        errors += _resizes(listed, around.restart_policy, child(path, "resizePolicy"))
    if context := get("securityContext"):
        errors += container_context(context, around.host_users, child(path, "securityContext"))
    return errors


def _resizes(policies: list[Obj], pod_restarts: str, path: str) -> Errors:
    """What a resize in place does to the container, once for each resource."""
    errors: Errors = []
    seen: set[str] = set()
    for i, policy in enumerate(policies):
        resource, restart = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if resource in seen:
            errors.append(duplicate(index(path, i), resource))
        seen.add(resource)
        errors += choice(resource, _RESIZED, path) + choice(restart, _RESIZES, path)
        if pod_restarts == "Never" and restart != "NotRequired":
            errors.append(invalid(path, restart, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"))
    return errors
