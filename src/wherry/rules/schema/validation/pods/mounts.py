"""Where a container sees its volumes: as directories (mounts) and as raw devices.

Called by the rules of containers. `volumes` are the well-formed ones of the pod, by name.
Source: pkg/apis/core/validation ValidateVolumeMounts, ValidateVolumeDevices, validateMountPropagation; KEP-3857 (recursive read-only).
"""

from __future__ import annotations

from collections.abc import Mapping

from wherry.api.field import Errors, child, forbidden, invalid, not_found, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.schema.validation.pods.paths import descending

Volumes = Mapping[str, Obj]

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")
_ONLY_CLAIMS = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"


def mounts(container: Obj, volumes: Volumes, path: str) -> Errors:
    errors: Errors = []
    devices = {d.get("name") or "": d.get("devicePath") or "" for d in container.get("volumeDevices") or ()}
    seen: set[str] = set()
    for i, mount in enumerate(container["volumeMounts"]):
        name, where = mount.get("name") or "", mount.get("mountPath") or ""
        if not name or name not in volumes or not where or where in seen or devices:
            errors += _place(name, where, f"{path}[{i}]", volumes, seen, devices)
        seen.add(where)
        if len(mount) > 2:
            errors += _options(mount, container, path, f"{path}[{i}]")
    return errors


def _place(name: str, where: str, path: str, volumes: Volumes, seen: set[str], devices: Mapping[str, str]) -> Errors:
    at_name, at_path = child(path, "name"), child(path, "mountPath")
    errors: Errors = [] if name else [required(at_name)]
    if name not in volumes:
        errors.append(not_found(at_name, name))
    if not where:
        errors.append(required(at_path))
    if where in seen:
        errors.append(invalid(at_path, where, "must be unique"))
    if name in devices:
        errors.append(invalid(at_name, name, "must not already exist in volumeDevices"))
    if where in devices.values():
        errors.append(invalid(at_path, where, "must not already exist as a path in volumeDevices"))
    return errors


def _options(mount: Obj, container: Obj, path: str, at: str) -> Errors:
    """The reference says of most of these only in which list they are (`path`), not in which entry (`at`)."""
    errors: Errors = []
    sub, expression = mount.get("subPath"), mount.get("subPathExpr")
    if sub:
        errors += descending(sub, child(path, "subPath"))
    if expression:
        if sub:
            errors.append(invalid(child(at, "subPathExpr"), expression, "subPathExpr and subPath are mutually exclusive"))
        errors += descending(expression, child(path, "subPathExpr"))
    if (propagation := mount.get("mountPropagation")) is not None:
        errors += _propagation(propagation, container, child(path, "mountPropagation"))
    if (recursive := mount.get("recursiveReadOnly")) is not None:
        errors += _recursive(recursive, mount, child(path, "recursiveReadOnly"))
    return errors


def _propagation(mode: str, container: Obj, path: str) -> Errors:
    if mode not in _PROPAGATIONS:
        return [not_supported(path, mode, _PROPAGATIONS)]
    if mode == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        return [forbidden(path, "Bidirectional mount propagation is available only to privileged containers")]
    return []


def _recursive(mode: str, mount: Obj, path: str) -> Errors:
    if mode not in _RECURSIVE:
        return [not_supported(path, mode, _RECURSIVE)]
    if mode == "Disabled":
        return []
    errors: Errors = [] if mount.get("readOnly") else [forbidden(path, "may only be specified when readOnly is true")]
    if mount.get("mountPropagation") not in (None, "None"):
        errors.append(forbidden(path, "may only be specified when mountPropagation is None or not specified"))
    return errors


def devices(container: Obj, volumes: Volumes, path: str) -> Errors:
    errors: Errors = []
    mounted = {m.get("name") or "": m.get("mountPath") or "" for m in container.get("volumeMounts") or ()}
    names: set[str] = set()
    paths: set[str] = set()
    for i, device in enumerate(container["volumeDevices"]):
        name, where, at = device.get("name") or "", device.get("devicePath") or "", f"{path}[{i}]"
        errors += _device_name(name, child(at, "name"), volumes, names)
        at_path = child(at, "devicePath")
        if not where:
            errors.append(required(at_path))
        if where in paths:
            errors.append(invalid(at_path, where, "must be unique"))
        if ".." in where.split("/"):
            errors.append(invalid(at_path, where, "can not contain backsteps ('..')"))
        else:
            paths.add(where)
        if name in mounted:
            errors.append(invalid(child(at, "name"), name, "must not already exist in volumeMounts"))
        if where in mounted.values():
            errors.append(invalid(at_path, where, "must not already exist as a path in volumeMounts"))
        if name:
            names.add(name)
    return errors


def _device_name(name: str, path: str, volumes: Volumes, seen: set[str]) -> Errors:
    errors: Errors = [] if name else [required(path)]
    if name in seen:
        errors.append(invalid(path, name, "must be unique"))
    volume = volumes.get(name)
    if volume is None:
        errors.append(not_found(path, name))
    elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
        errors.append(invalid(path, name, _ONLY_CLAIMS))
    return errors
