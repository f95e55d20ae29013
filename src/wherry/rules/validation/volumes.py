"""PersistentVolumes and PersistentVolumeClaims: what is wrong with one, and with a change of one.

Called by the strategies. Of the volume sources hostPath, local, nfs and csi are looked into; of the others it is only checked that
there is one source. Messages of a changed spec end where the reference prints a difference.
Source: pkg/apis/core/validation/validation.go ValidatePersistentVolume*, ValidatePersistentVolumeClaim*.
"""

from __future__ import annotations

import posixpath
from typing import Any

from wherry.api import quantity
from wherry.api.field import Errors, child, forbidden, index, invalid, key, not_supported, required, too_long
from wherry.api.objects import Obj
from wherry.rules.validation.labels import label_key, label_selector
from wherry.rules.validation.metadata import IMMUTABLE
from wherry.rules.validation.names import dns1123_label, dns1123_subdomain, label_value
from wherry.rules.validation.quantities import quantity_value

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_MODES = ("Block", "Filesystem")
_RECLAIM = ("Delete", "Recycle", "Retain")
_HOST_PATH_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
SOURCES = ("hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte", "cephfs", "iscsi",
           "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "scaleIO",
           "local", "storageos", "csi")
_POSITIVE = "must be greater than zero"
_CLAIM_FIXED = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"


def access_modes(modes: list[str], path: str) -> Errors:
    errors: Errors = [not_supported(path, mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]
    if "ReadWriteOncePod" in modes and any(m in ACCESS_MODES and m != "ReadWriteOncePod" for m in modes):
        errors.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return errors


def _positive(value: quantity.Text, path: str) -> Errors:
    return [invalid(path, str(value), _POSITIVE)] if quantity.nano(value) <= 0 else []


def _class_name(value: Any, path: str) -> Errors:
    return [invalid(path, value, m) for m in dns1123_subdomain(value)] if value else []


def validate_volume(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    modes: list[str] = spec.get("accessModes") or []
    errors: Errors = [] if modes else [required("spec.accessModes")]
    errors += access_modes(modes, "spec.accessModes") + _capacity(spec.get("capacity") or {})
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy and policy not in _RECLAIM:
        errors.append(not_supported("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM))
    errors += _affinity(spec.get("nodeAffinity")) + _sources(spec)
    path = posixpath.normpath((spec.get("hostPath") or {}).get("path") or ".")
    if path == "/" and policy == "Recycle":
        errors.append(forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'"))
    errors += _class_name(spec.get("storageClassName"), "spec.storageClassName")
    mode = spec.get("volumeMode")
    if mode is not None and mode not in _MODES:
        errors.append(not_supported("spec.volumeMode", mode, _MODES))
    return errors + _attributes_class(spec)


def _attributes_class(spec: Obj) -> Errors:
    name, path = spec.get("volumeAttributesClassName"), "spec.volumeAttributesClassName"
    if name is None:
        return []
    errors = _class_name(name, path) if name else [required(path, "an empty string is disallowed")]
    if spec.get("csi") is None:
        errors.append(required("spec.csi", "has to be specified when using volumeAttributesClassName"))
    return errors


def _capacity(capacity: Obj) -> Errors:
    errors: Errors = [] if capacity else [required("spec.capacity")]
    if "storage" not in capacity or len(capacity) > 1:
        errors.append(not_supported("spec.capacity", capacity or None, ("storage",)))
    return errors + [e for name, value in capacity.items() for e in _positive(value, key("spec.capacity", name))]


def _affinity(affinity: Obj | None) -> Errors:
    if affinity is None:
        return []
    if affinity.get("required") is None:
        return [required("spec.nodeAffinity.required", "must specify required node constraints")]
    return node_selector(affinity["required"], "spec.nodeAffinity.required")


def node_selector(selector: Obj, path: str) -> Errors:
    """A NodeSelector: terms of requirements on labels and on metadata.name."""
    terms, at = selector.get("nodeSelectorTerms") or [], child(path, "nodeSelectorTerms")
    if not terms:
        return [required(at, "must have at least one node selector term")]
    errors: Errors = []
    for i, term in enumerate(terms):
        for part, rule in (("matchExpressions", _label_requirement), ("matchFields", _field_requirement)):
            errors += [e for j, r in enumerate(term.get(part) or ()) for e in rule(r, index(child(index(at, i), part), j))]
    return errors


def _label_requirement(requirement: Obj, path: str) -> Errors:
    operator, values, at = requirement.get("operator", ""), requirement.get("values") or [], child(path, "values")
    errors: Errors = []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(at, "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.append(forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            errors.append(required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
    else:
        errors.append(invalid(child(path, "operator"), operator, "not a valid selector operator"))
    errors += label_key(requirement.get("key", ""), child(path, "key"))
    return errors + [invalid(index(at, i), v, m) for i, v in enumerate(values) for m in label_value(v)]


def _field_requirement(requirement: Obj, path: str) -> Errors:
    operator, values, name = requirement.get("operator", ""), requirement.get("values") or [], requirement.get("key", "")
    errors: Errors = []
    if operator not in ("In", "NotIn"):
        errors.append(invalid(child(path, "operator"), operator, "not a valid selector operator"))
    elif len(values) != 1:
        text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(required(child(path, "values"), text))
    if name != "metadata.name":
        return [*errors, invalid(child(path, "key"), name, "not a valid field selector key")]
    return errors + [invalid(index(child(path, "values"), i), v, m) for i, v in enumerate(values) for m in dns1123_subdomain(v)]


def _sources(spec: Obj) -> Errors:
    present = [name for name in SOURCES if spec.get(name) is not None]
    if not present:
        return [required("spec", "must specify a volume type")]
    errors = _source(present[0], spec[present[0]], child("spec", present[0]))
    if present[0] == "local" and spec.get("nodeAffinity") is None:
        errors.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    return errors + [forbidden(child("spec", name), "may not specify more than 1 volume type") for name in present[1:]]


def _source(name: str, source: Obj, path: str) -> Errors:
    match name:
        case "hostPath":
            errors = _local_path(source, path)
            type_ = source.get("type")
            if not errors and type_ is not None and type_ not in _HOST_PATH_TYPES:
                errors.append(not_supported(child(path, "type"), type_, _HOST_PATH_TYPES))
            return errors
        case "local":
            return _local_path(source, path)
        case "nfs":
            where = source.get("path") or ""
            errors = [required(child(path, k)) for k in ("server", "path") if not source.get(k)]
            return errors if where.startswith("/") else [*errors, invalid(child(path, "path"), where, "must be an absolute path")]
        case "csi":
            errors = driver_name(source.get("driver") or "", child(path, "driver"))
            return errors if source.get("volumeHandle") else [*errors, required(child(path, "volumeHandle"))]
        case _:
            return []


def _local_path(source: Obj, path: str) -> Errors:
    where, at = source.get("path") or "", child(path, "path")
    if not where:
        return [required(at)]
    return [invalid(at, where, "must not contain '..'")] if ".." in where.split("/") else []


def driver_name(name: str, path: str) -> Errors:
    """The name of a CSI driver."""
    if not name:
        return [required(path)]
    errors: Errors = [too_long(path, 63)] if len(name) > 63 else []
    return errors + [invalid(path, name, m) for m in dns1123_subdomain(name.lower())]


def validate_volume_update(new: Obj, old: Obj) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors: Errors = []
    if any(_fixed(name, spec, before) for name in SOURCES):
        errors.append(forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation\n"))
    if spec.get("volumeMode") != before.get("volumeMode"):
        errors.append(invalid("volumeMode", spec.get("volumeMode"), IMMUTABLE))
    if before.get("nodeAffinity") is not None and spec.get("nodeAffinity") != before["nodeAffinity"]:
        errors.append(invalid("nodeAffinity", spec.get("nodeAffinity"), IMMUTABLE))
    if before.get("volumeAttributesClassName") is not None and spec.get("volumeAttributesClassName") is None:
        errors.append(forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"))
    return errors


def _fixed(name: str, spec: Obj, before: Obj) -> bool:
    """Whether that source changed; a secret for expansion may be added to csi."""
    now, was = spec.get(name), before.get(name)
    if name == "csi" and now is not None and was is not None and was.get("controllerExpandSecretRef") is None:
        now = {k: v for k, v in now.items() if k != "controllerExpandSecretRef"}
    return bool(now != was)


def validate_claim(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    modes: list[str] = spec.get("accessModes") or []
    errors: Errors = [] if modes else [required("spec.accessModes", "at least 1 access mode is required")]
    errors += label_selector(spec.get("selector"), "spec.selector") + access_modes(modes, "spec.accessModes")
    size, path = ((spec.get("resources") or {}).get("requests") or {}).get("storage"), "spec.resources[storage]"
    errors += [required(path)] if size is None else _positive(size, path) or quantity_value("storage", size, path)
    errors += _class_name(spec.get("storageClassName"), "spec.storageClassName")
    mode = spec.get("volumeMode")
    if mode is not None and mode not in _MODES:
        errors.append(not_supported("spec.volumeMode", mode, _MODES))
    return errors + _data_sources(spec) + _class_name(spec.get("volumeAttributesClassName"), "spec.volumeAttributesClassName")


def _data_sources(spec: Obj) -> Errors:
    source, ref = spec.get("dataSource"), spec.get("dataSourceRef")
    errors: Errors = []
    for name, value in (("dataSource", source), ("dataSourceRef", ref)):
        errors += _data_source(value, child("spec", name)) if value is not None else []
    if source is None or ref is None:
        return errors
    if ref.get("namespace"):
        errors.append(invalid("spec", "spec.dataSource", "may not be specified when dataSourceRef.namespace is specified"))
    elif any((source.get(k) or "") != (ref.get(k) or "") for k in ("apiGroup", "kind", "name")):
        errors.append(invalid("spec", "spec.dataSource", "must match dataSourceRef"))
    return errors


def _data_source(source: Obj, path: str) -> Errors:
    errors: Errors = [required(child(path, k)) for k in ("name", "kind") if not source.get(k)]
    group, kind = source.get("apiGroup") or "", source.get("kind", "")
    if not group and kind != "PersistentVolumeClaim":
        errors.append(invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"))
    errors += [invalid(child(path, "apiGroup"), group, m) for m in dns1123_subdomain(group)] if group else []
    if namespace := source.get("namespace"):
        errors += [invalid(child(path, "namespace"), namespace, m) for m in dns1123_label(namespace)]
    return errors


def _storage(resources: Obj | None, part: str) -> quantity.Text:
    return ((resources or {}).get(part) or {}).get("storage") or "0"


def validate_claim_update(new: Obj, old: Obj) -> Errors:
    spec, before, status = new.get("spec") or {}, old.get("spec") or {}, old.get("status") or {}
    bound = (new.get("status") or {}).get("phase") == "Bound"
    errors: Errors = []
    if _comparable(spec, before, bound) != _comparable(before, before, bound):
        errors.append(forbidden("spec", _CLAIM_FIXED))
    size, was = _storage(spec.get("resources"), "requests"), _storage(before.get("resources"), "requests")
    if quantity.compare(size, was) < 0 and quantity.compare(size, (status.get("capacity") or {}).get("storage") or "0") <= 0:
        errors.append(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"))
    if spec.get("volumeMode") != before.get("volumeMode"):
        errors.append(invalid("volumeMode", spec.get("volumeMode"), IMMUTABLE))
    if status.get("currentVolumeAttributesClassName") is not None and not spec.get("volumeAttributesClassName"):
        to = "nil" if spec.get("volumeAttributesClassName") is None else "empty string"
        text = f"update to {to} is forbidden when status.currentVolumeAttributesClassName is not nil"
        errors.append(forbidden("spec.volumeAttributesClassName", text))
    return errors


def _comparable(spec: Obj, before: Obj, bound: bool) -> Obj:
    """The part of a claim's spec that may not change: a volume or class may be filled in, a bound claim may grow."""
    fixed = dict(spec)
    for name in ("volumeName", "storageClassName"):
        if before.get(name) in (None, "") and (name == "volumeName" or before.get(name) is None):
            fixed.pop(name, None)
    if bound:
        fixed.pop("volumeAttributesClassName", None)
        resources = dict(fixed.get("resources") or {})
        resources["requests"] = {k: v for k, v in (resources.get("requests") or {}).items() if k != "storage"}
        fixed["resources"] = resources
    return fixed


def claim_status(new: Obj, old: Obj) -> Errors:
    status = new.get("status") or {}
    errors: Errors = []
    for part in ("capacity", "allocatedResources"):
        for name, value in (status.get(part) or {}).items():
            path = key(child("status", part), name)
            if quantity.nano(value) < 0:
                errors.append(invalid(path, quantity.to_int(value), "must be a valid resource quantity"))
    return errors
