"""The volumes of a pod: names once each, one source each.

Called by the rule of pod specs. Gives the well-formed volumes by name, for the mounts to be looked up in. The sources that a cluster
still serves are here and in `pod_projected`, those of old in-tree drivers in `pod_driver_volumes`.
Source: pkg/apis/core/validation ValidateVolumes, validateVolumeSource; KEP-1698 (ephemeral), KEP-4639 (image).
"""

from __future__ import annotations

from functools import lru_cache

from wherry.api import quantity
from wherry.api.errors import Cause
from wherry.api.field import Errors, child, duplicate, forbidden, invalid, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label, dns1123_subdomain
from wherry.rules.schema.validation.labels import annotation_map, labels
from wherry.rules.schema.validation.pods.driver_volumes import DRIVERS, iscsi_name
from wherry.rules.schema.validation.pods.paths import descending, no_backsteps
from wherry.rules.schema.validation.pods.projected import downward_api, keys, projected
from wherry.rules.schema.validation.pods.scheduling import choice
from wherry.rules.schema.validation.volumes import driver_name, validate_claim

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_HOST_PATH_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
_MORE = "may not specify more than 1 volume type"
#: metadata of a claim template that cannot be set, in the order of the type
_NOT_IN_TEMPLATES = ("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
                     "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences", "finalizers", "managedFields")  # fmt: skip


@lru_cache(maxsize=2048)
def _good_name(name: str) -> bool:
    return not dns1123_label(name)


def volumes(entries: list[Obj], pod_name: str | None, path: str) -> tuple[dict[str, Obj], Errors]:
    """`pod_name` is None in templates."""
    known: dict[str, Obj] = {}
    errors: Errors = []
    made = {f"{pod_name}-{v.get('name')}" for v in entries if v.get("ephemeral") is not None} if pod_name else ()
    for i, volume in enumerate(entries):
        at, name = f"{path}[{i}]", volume.get("name") or ""
        found = _sources(volume, name, pod_name, at)
        if not name:
            found.append(required(child(at, "name")))
        elif not _good_name(name):
            found += [invalid(child(at, "name"), name, m) for m in dns1123_label(name)]
        if name in known:
            found.append(duplicate(child(at, "name"), name))
        if found:
            errors += found
        else:
            known[name] = volume
        claim = volume.get("persistentVolumeClaim")
        if claim is not None and claim.get("claimName") in made:
            text = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid(child(at, "persistentVolumeClaim", "claimName"), claim["claimName"], text))
    return known, errors


#: the order in which sources are looked at: the first is looked into, the others are too many
_ORDER = {name: i for i, name in enumerate((
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi", "glusterfs", "flocker",
    "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc", "flexVolume", "configMap", "azureFile",
    "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "storageos", "projected", "scaleIO", "csi", "ephemeral",
    "image",
))}  # fmt: skip
#: the reference writes these another way: where it looks into them, and where there are too many
_SHOWN = {"gcePersistentDisk": "persistentDisk"}
_SHOWN_TWICE = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}


def _sources(volume: Obj, name: str, pod_name: str | None, path: str) -> Errors:
    found = [s for s in volume if s in _ORDER and volume[s] is not None]
    if not found:
        return [required(path, "must specify a volume type")]
    if len(found) > 1:
        found.sort(key=_ORDER.__getitem__)
    first = found[0]
    errors = _source(first, volume[first], f"{path}.{_SHOWN.get(first, first)}", is_pod=pod_name is not None)
    for source in found[1:]:
        errors.append(forbidden(child(path, _SHOWN_TWICE.get(source, source)), _MORE))
    if volume.get("iscsi") is not None:
        errors += iscsi_name(volume["iscsi"], name, child(path, "name"))
    if first == "ephemeral" and pod_name and name:
        claim = f"{pod_name}-{name}"
        errors += [invalid(child(path, "name"), name, f'PVC name "{claim}": {m}') for m in dns1123_subdomain(claim)]
    return errors


def _source(kind: str, source: Obj, path: str, *, is_pod: bool) -> Errors:
    match kind:
        case "emptyDir":
            size = source.get("sizeLimit")
            bad = size is not None and quantity.nano(size) < 0
            return [forbidden(child(path, "sizeLimit"), "SizeLimit field must be a valid resource quantity")] if bad else []
        case "projected":
            return projected(source, path)
        case "secret" | "configMap":
            return keys(source, "secretName" if kind == "secret" else "name", path)
        case "hostPath":
            return _host_path(source, path)
        case "downwardAPI":
            return downward_api(source, path)
        case "csi":
            return _csi(source, path)
        case "ephemeral":
            return _ephemeral(source.get("volumeClaimTemplate"), child(path, "volumeClaimTemplate"))
        case "image":
            errors: Errors = [required(child(path, "reference"))] if is_pod and not source.get("reference") else []
            return errors + choice(source.get("pullPolicy"), PULL_POLICIES, child(path, "pullPolicy"))
        case "gitRepo":
            errors = [] if source.get("repository") else [required(child(path, "repository"))]
            return errors + descending(source.get("directory") or "", child(path, "directory"))
        case _:
            return DRIVERS[kind](source, path)


def _host_path(source: Obj, path: str) -> Errors:
    where, type_ = source.get("path"), source.get("type")
    if not where:
        return [required(child(path, "path"))]
    errors = no_backsteps(where, child(path, "path"))
    if type_ is not None and type_ not in _HOST_PATH_TYPES:
        errors.append(not_supported(child(path, "type"), type_, _HOST_PATH_TYPES))
    return errors


def _csi(source: Obj, path: str) -> Errors:
    errors = driver_name(source.get("driver") or "", child(path, "driver"))
    secret = source.get("nodePublishSecretRef")
    if secret is None:
        return errors
    name = secret.get("name")
    if not name:
        return [*errors, required(child(path, "nodePublishSecretRef", "name"))]
    return errors + [invalid(child(path, "name"), name, m) for m in dns1123_subdomain(name)]


def _ephemeral(template: Obj | None, path: str) -> Errors:
    """A claim made for the pod: labels and annotations, and the spec of a claim."""
    if template is None:
        return [required(path)]
    meta, at = template.get("metadata") or {}, child(path, "metadata")
    errors = annotation_map(meta.get("annotations"), child(at, "annotations")) + labels(meta.get("labels"), child(at, "labels"))
    for name in _NOT_IN_TEMPLATES:
        if meta.get(name):
            errors.append(forbidden(child(at, "uID" if name == "uid" else name), "cannot be set"))
    return errors + [Cause(e.reason, e.message, f"{path}.{e.field}") for e in validate_claim({"spec": template.get("spec") or {}})]
