"""Where the data of a PersistentVolume lies: exactly one source, and the rules of each.

Called by the rules of PersistentVolumes and of what a VolumeAttachment says inline. Sources that a pod may name itself as well are
`pod_driver_volumes`'; here is what differs: secrets have namespaces, and the name that counts is the volume's.
Source: pkg/apis/core/validation ValidatePersistentVolumeSpec and what it calls.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, forbidden, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label, dns1123_subdomain, length
from wherry.rules.schema.validation.pods.driver_volumes import DRIVERS

#: in the order in which the reference looks at them
SOURCES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte", "cephfs", "iscsi", "cinder",
    "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "scaleIO", "local",
    "storageos", "csi",
)  # fmt: skip
_HOST_PATH_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
#: names that errors have instead of the field's
_SHOWN, _SHOWN_EXTRA = {"gcePersistentDisk": "persistentDisk"}, {"cephfs": "cephFS"}
_TOO_LONG = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified."


def sources(spec: Obj, name: str, path: str, driver_name: Callable[[str, str], Errors]) -> Errors:
    """`name`: the volume's."""
    present = [source for source in SOURCES if spec.get(source) is not None]
    if not present:
        return [required(path, "must specify a volume type")]
    errors: Errors = []
    for i, source in enumerate(present):
        if i and source != "flexVolume":
            errors.append(forbidden(child(path, _SHOWN_EXTRA.get(source, source)), "may not specify more than 1 volume type"))
        else:
            errors += _source(source, spec[source], child(path, _SHOWN.get(source, source)), name, driver_name)
    if "local" in present and present[0] == "local" and not _has_affinity(spec):
        errors.append(required(child(path, "nodeAffinity"), "Local volume requires node affinity"))
    return errors


def _has_affinity(spec: Obj) -> bool:
    return (spec.get("nodeAffinity") or {}).get("required") is not None


def _source(kind: str, source: Obj, path: str, name: str, driver_name: Callable[[str, str], Errors]) -> Errors:
    match kind:
        case "hostPath":
            return _host_path(source, path)
        case "local":
            return local_path(source, path)
        case "csi":
            return _csi(source, path, driver_name)
        case "iscsi":
            return _iscsi(source, path, name)
        case "glusterfs":
            return DRIVERS[kind](source, path) + _endpoints_namespace(source.get("endpointsNamespace"), child(path, "endpointsNamespace"))
        case "cinder" | "storageos":
            without = {k: v for k, v in source.items() if k != "secretRef"}
            return DRIVERS[kind](without, path) + _secret(source.get("secretRef"), child(path, "secretRef"))
        case "azureFile" if source.get("secretNamespace") == "":
            return [*DRIVERS[kind](source, path), required(child(path, "secretNamespace"))]
        case _:
            return DRIVERS[kind](source, path)


def local_path(source: Obj, path: str) -> Errors:
    where, at = source.get("path") or "", child(path, "path")
    if not where:
        return [required(at)]
    return [invalid(at, where, "must not contain '..'")] if ".." in where.split("/") else []


def _host_path(source: Obj, path: str) -> Errors:
    errors, type_ = local_path(source, path), source.get("type")
    if source.get("path") and type_ is not None and type_ not in _HOST_PATH_TYPES:
        errors.append(not_supported(child(path, "type"), type_, _HOST_PATH_TYPES))
    return errors


def _csi(source: Obj, path: str, driver_name: Callable[[str, str], Errors]) -> Errors:
    errors = driver_name(source.get("driver") or "", child(path, "driver"))
    if not source.get("volumeHandle"):
        errors.append(required(child(path, "volumeHandle")))
    for name in ("controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"):
        if (secret := source.get(name)) is not None:
            errors += _named_secret(secret, child(path, name))
    return errors


def _named_secret(secret: Obj, path: str) -> Errors:
    errors: Errors = []
    for part, rule in (("name", dns1123_subdomain), ("namespace", dns1123_label)):
        value, at = secret.get(part) or "", child(path, part)
        errors += [invalid(at, value, m) for m in rule(value)] if value else [required(at)]
    return errors


def _secret(secret: Obj | None, path: str) -> Errors:
    return [] if secret is None else [required(child(path, part)) for part in ("name", "namespace") if not secret.get(part)]


def _endpoints_namespace(namespace: str | None, path: str) -> Errors:
    if namespace == "":
        return [invalid(path, namespace, "if the endpointnamespace is set, it must be a valid namespace name")]
    return [] if namespace is None else [invalid(path, namespace, m) for m in dns1123_label(namespace)]


def _iscsi(source: Obj, path: str, name: str) -> Errors:
    portal, secret = source.get("targetPortal") or "", source.get("secretRef")
    found = [_plain_format(e) for e in DRIVERS["iscsi"](source, path)]
    if source.get("initiatorName") is not None and length(f"{name}:{portal}") > 64:
        found.insert(0 if portal else 1, invalid(child(path, "targetportal"), portal, _TOO_LONG))
    if secret is not None and not secret.get("name"):
        at = next((i for i, e in enumerate(found) if e.field.endswith("initiatorname")), len(found))
        found.insert(at, required(child(path, "secretRef", "name")))
    return found


def _plain_format(error: Cause) -> Cause:
    """A volume's names are refused in fewer words than a pod's."""
    return Cause(error.reason, error.message.replace(" starting with iqn, eui, or naa", ""), error.field)
