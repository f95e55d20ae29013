"""PersistentVolumes and PersistentVolumeClaims: what is wrong with one, and with a change of one.

Called by the strategies. Of the volume sources hostPath, local, nfs and csi are looked into; of the others it is only checked that
there is one source. Messages of a changed spec end where the reference prints a difference.
Source: pkg/apis/core/validation/validation.go ValidatePersistentVolume*, ValidatePersistentVolumeClaim*.
"""

from __future__ import annotations

import posixpath
from typing import Any

from wherry.api import quantity
from wherry.api.errors import Cause
from wherry.api.field import Errors, child, forbidden, index, invalid, key, not_supported, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label, dns1123_subdomain, label_value, qualified_name
from wherry.rules.schema.validation.labels import label_key, label_selector
from wherry.rules.schema.validation.metadata import IMMUTABLE
from wherry.rules.schema.validation.quantities import is_native, quantity_value
from wherry.rules.texts.go_values import in_given_order

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_MODES = ("Block", "Filesystem")
_RECLAIM = ("Delete", "Recycle", "Retain")
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_RESIZING = (
    "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"
)  # fmt: skip
_POSITIVE = "must be greater than zero"
_CLAIM_FIXED = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


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
    from wherry.rules.schema.validation.persistent_sources import sources

    spec, name = obj.get("spec") or {}, obj["metadata"].get("name") or ""
    modes: list[str] = spec.get("accessModes") or []
    errors: Errors = [] if modes else [required("spec.accessModes")]
    errors += access_modes(modes, "spec.accessModes") + _capacity(spec.get("capacity") or {})
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy and policy not in _RECLAIM:
        errors.append(not_supported("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM))
    errors += _affinity(spec.get("nodeAffinity")) + sources(spec, name, "spec", driver_name)
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
    for name, value in capacity.items():
        path = key("spec.capacity", name)
        if quantity.nano(value) < 0:
            errors.append(invalid(path, quantity.to_int(value), "must be a valid resource quantity"))
        errors += _positive(value, path)
    return errors


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


def driver_name(name: str, path: str) -> Errors:
    """The name of a CSI driver."""
    if not name:
        return [required(path)]
    errors: Errors = [too_long(path, 63)] if len(name) > 63 else []
    return errors + [invalid(path, name, m) for m in dns1123_subdomain(name.lower())]


def validate_volume_update(new: Obj, old: Obj) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors: Errors = []
    from wherry.rules.schema.validation.persistent_sources import SOURCES

    now = _with_new_secret(spec, before)
    if any(now.get(name) != before.get(name) for name in SOURCES):
        from wherry.rules.texts.go_structs.internal_pod import sources_difference

        text = f"spec.persistentvolumesource is immutable after creation\n{sources_difference(before, now)}"
        errors.append(forbidden("spec.persistentvolumesource", text))
    if spec.get("volumeMode") != before.get("volumeMode"):
        errors.append(invalid("volumeMode", spec.get("volumeMode"), IMMUTABLE))
    if before.get("nodeAffinity") is not None and spec.get("nodeAffinity") != before["nodeAffinity"]:
        errors.append(_affinity_fixed(spec.get("nodeAffinity")))
    if before.get("volumeAttributesClassName") is not None and spec.get("volumeAttributesClassName") is None:
        errors.append(forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"))
    return errors


def _affinity_fixed(affinity: Obj | None) -> Cause:
    from wherry.rules.texts.go_structs.internal_pod import internal_terms

    needed = (affinity or {}).get("required")
    terms = None if needed is None else {"NodeSelectorTerms": internal_terms(needed.get("nodeSelectorTerms") or [])}
    shown = in_given_order(None if affinity is None else {"Required": terms})
    text = f"Invalid value: {shown}: {IMMUTABLE}, except for updating from beta label to GA"
    return Cause("FieldValueInvalid", text, "nodeAffinity")


def _with_new_secret(spec: Obj, before: Obj) -> Obj:
    """A secret for expansion may be added to csi: then it is not looked at."""
    now, was = spec.get("csi"), before.get("csi")
    if now is None or was is None or was.get("controllerExpandSecretRef") is not None:
        return spec
    return {**spec, "csi": {k: v for k, v in now.items() if k != "controllerExpandSecretRef"}}


def inline_volume(spec: Obj, path: str) -> Errors:
    """What a VolumeAttachment says of a volume that has no object: where it is, by a driver, and hardly more."""
    from wherry.rules.schema.validation.persistent_sources import sources

    text, modes = "may not be specified in the context of inline volumes", spec.get("accessModes") or []
    errors = [forbidden(child(path, name), text) for name in ("claimRef", "capacity") if spec.get(name)]
    if spec.get("csi") is None:
        errors.append(required(child(path, "csi"), "has to be specified in the context of inline volumes"))
    errors += [] if modes else [required(child(path, "accessModes"))]
    errors += access_modes(modes, child(path, "accessModes"))
    if spec.get("persistentVolumeReclaimPolicy") not in (None, "", "Retain"):
        only = "may only be Retain in the context of inline volumes"
        errors.append(forbidden(child(path, "persistentVolumeReclaimPolicy"), only))
    if spec.get("nodeAffinity") is not None:
        errors.append(forbidden(child(path, "nodeAffinity"), text))
    errors += sources(spec, "", path, driver_name)
    if spec.get("storageClassName"):
        errors.append(forbidden(child(path, "storageClassName"), text))
    if spec.get("volumeMode") not in (None, "Filesystem"):
        only = "may not specify volumeMode other than Filesystem in the context of inline volumes"
        errors.append(forbidden(child(path, "volumeMode"), only))
    return errors


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
    kept, now, class_errors = _comparable(new, old, bound)
    errors += class_errors
    if kept != now:
        from wherry.rules.texts.go_structs.internal_pod import claims_difference

        errors.append(forbidden("spec", f"{_CLAIM_FIXED}\n{claims_difference(kept, now)}"))
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


def _comparable(new: Obj, old: Obj, bound: bool) -> tuple[Obj, Obj, Errors]:
    """Both specs as far as nothing may change: a volume or a class may be filled in, a bound claim may grow. And the class's errors."""
    spec, before = dict(new.get("spec") or {}), dict(old.get("spec") or {})
    errors: Errors = []
    if not before.get("volumeName") and spec.get("volumeName"):
        before["volumeName"] = spec["volumeName"]
    (wanted, said), (had, was) = ((s.get("storageClassName"), _class_annotation(o)) for s, o in ((spec, new), (before, old)))
    if was is not None and had is None and wanted == was and said in (None, was):
        spec.pop("storageClassName", None)
    else:
        if said != was:
            errors.append(invalid(f"metadata.annotations.{_CLASS_ANNOTATION}", said or "", IMMUTABLE))
        if wanted is not None and had is None and was in (None, wanted):
            spec.pop("storageClassName")
    if bound:
        _take(spec, before, "volumeAttributesClassName")
        if (resources := spec.get("resources") or {}).get("requests") is not None:
            size = ((before.get("resources") or {}).get("requests") or {}).get("storage", "0")
            spec["resources"] = {**resources, "requests": {**resources["requests"], "storage": size}}
    return before, spec, errors


def _class_annotation(claim: Obj) -> str | None:
    annotation: str | None = (claim["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION)
    return annotation


def _take(spec: Obj, before: Obj, name: str) -> None:
    if name in before:
        spec[name] = before[name]
    else:
        spec.pop(name, None)


def claim_status(new: Obj, old: Obj) -> Errors:
    status = new.get("status") or {}
    errors: Errors = [e for name, value in (status.get("capacity") or {}).items() for e in _amount(value, key("status.capacity", name))]
    for name, phase in (status.get("allocatedResourceStatuses") or {}).items():
        errors += _claim_resource(name, "status.allocatedResourceStatuses")
        if phase not in _RESIZING:
            errors.append(not_supported("status.allocatedResourceStatuses", name, _RESIZING))
    for name, value in (status.get("allocatedResources") or {}).items():
        path = key("status.allocatedResources", name)
        errors += _claim_resource(name, "status.allocatedResources") or _amount(value, path) or quantity_value("storage", value, path)
    return errors


def _amount(value: quantity.Text, path: str) -> Errors:
    return [invalid(path, quantity.to_int(value), "must be a valid resource quantity")] if quantity.nano(value) < 0 else []


def _claim_resource(name: str, path: str) -> Errors:
    errors = [invalid(path, name, m) for m in qualified_name(name)]
    if not errors and is_native(name) and name != "storage":
        errors.append(not_supported(path, name, ("storage",)))
    return errors
