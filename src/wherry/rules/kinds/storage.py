"""Strategies of volumes and of the storage.k8s.io kinds.

Read by the registry through `STRATEGIES`. Not validated: taken-over fields of CSINode drivers, inline volumes of a
VolumeAttachment.
Source: pkg/registry/core/persistentvolume*, pkg/registry/storage/*/strategy.go, pkg/apis/storage/validation.
"""

from __future__ import annotations

from wherry.api import quantity
from wherry.api.errors import Cause
from wherry.api.field import Errors, child, duplicate, forbidden, index, invalid, not_supported, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_subdomain, length, qualified_name
from wherry.rules.objects.strategy import Strategy, keep_spec, keep_status
from wherry.rules.pods.container_warnings import fractional
from wherry.rules.schema.defaults import storage as defaults
from wherry.rules.schema.validation import volumes
from wherry.rules.schema.validation.labels import label_key, label_selector
from wherry.rules.schema.validation.metadata import IMMUTABLE, NOT_NEGATIVE
from wherry.rules.texts.go_values import in_given_order

_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_RECLAIM = ("Delete", "Retain")
_BINDING = ("Immediate", "WaitForFirstConsumer")
_FS_GROUP = ("File", "None", "ReadWriteOnceWithFSType")


def _pending(draft: Obj) -> None:
    draft["status"] = {"phase": "Pending"}


def _data_sources(draft: Obj, old: Obj | None) -> None:
    """dataSource and dataSourceRef of one namespace say the same. Before dataSourceRef was there, other sources than claims and snapshots
    were ignored, and one of another namespace is behind a gate that is off (KEP-1495, KEP-3294)."""
    spec, was = draft.get("spec") or {}, (old or {}).get("spec") or {}
    if (spec.get("dataSourceRef") or {}).get("namespace") and was.get("dataSourceRef") is None:
        del spec["dataSourceRef"]
    known = was.get("dataSource") is not None or was.get("dataSourceRef") is not None
    if not known and spec.get("dataSourceRef") is None and not _is_old_source(spec.get("dataSource") or {}):
        spec.pop("dataSource", None)
    source, ref = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and ref is None:
        spec["dataSourceRef"] = dict(source)
    elif source is None and ref is not None and not ref.get("namespace"):
        spec["dataSource"] = {k: v for k, v in ref.items() if k != "namespace"}


def _is_old_source(source: Obj) -> bool:
    named = (source.get("apiGroup") or "", source.get("kind"))
    return named in (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def _claim_warnings(new: Obj, old: Obj | None) -> list[str]:
    found = []
    if _OLD_CLASS in (new["metadata"].get("annotations") or {}):
        found.append(f'metadata.annotations[{_OLD_CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead')
    resources = (new.get("spec") or {}).get("resources") or {}
    for part in ("requests", "limits"):
        found += fractional(resources.get(part) or {}, f"spec.resources.{part}", ("storage",))
    return found


def _new_claim(draft: Obj) -> None:
    _pending(draft)
    _data_sources(draft, None)


def _update_claim(draft: Obj, old: Obj) -> None:
    keep_status(draft, old)
    _data_sources(draft, old)


def _provisioner(name: str, path: str) -> Errors:
    return [invalid(path, name.lower(), m) for m in qualified_name(name.lower())] if name else [required(path)]


def _parameters(values: dict[str, str], path: str, *, needed: bool) -> Errors:
    if len(values) > 512:
        return [too_long(path, 512)]
    errors: Errors = [invalid(path, "", "field can not be empty.")] if "" in values else []
    if sum(length(k) + length(v) for k, v in values.items()) > 256 * 1024:
        errors.append(too_long(path, 256 * 1024))
    return [*errors, required(path, "must contain at least one key/value pair")] if needed and not values else errors


def _class(obj: Obj) -> Errors:
    policy, mode = obj.get("reclaimPolicy"), obj.get("volumeBindingMode")
    errors = _provisioner(obj.get("provisioner") or "", "provisioner")
    errors += _parameters(obj.get("parameters") or {}, "parameters", needed=False)
    if policy and policy not in _RECLAIM:
        errors.append(not_supported("reclaimPolicy", policy, _RECLAIM))
    if mode is None:
        errors.append(required("volumeBindingMode"))
    elif mode not in _BINDING:
        errors.append(not_supported("volumeBindingMode", mode, _BINDING))
    return errors + _topologies(obj.get("allowedTopologies") or [])


def _topologies(terms: list[Obj]) -> Errors:
    """Two terms that say the same are one too many; an empty one is told once per term, as the reference counts it."""
    errors: Errors = []
    seen: list[dict[str, set[str]]] = [{} for _ in terms]
    for i, term in enumerate(terms):
        path = child(index("allowedTopologies", i), "matchLabelExpressions")
        said: dict[str, set[str]] = {}
        for j, requirement in enumerate(term.get("matchLabelExpressions") or ()):
            key, values, at = requirement.get("key") or "", requirement.get("values") or [], index(path, j)
            errors += _topology_values(values, child(at, "values")) + label_key(key, child(at, "key"))
            if key in said:
                errors.append(duplicate(child(at, "key"), key))
            said[key] = set(values)
        errors += [duplicate(path, "") for other in seen if other == said]
        seen.append(said)
    return errors


def _topology_values(values: list[str], path: str) -> Errors:
    if not values:
        return [required(path)]
    return [duplicate(index(path, i), value) for i, value in enumerate(values) if value in values[:i]]


def _class_update(new: Obj, old: Obj) -> Errors:
    names = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
    return [invalid(n, new.get(n), IMMUTABLE) for n in names if (new.get(n) or None) != (old.get(n) or None)]


def _driver(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    policy, period = spec.get("fsGroupPolicy"), spec.get("nodeAllocatableUpdatePeriodSeconds")
    errors: Errors = []
    if policy is not None and policy not in _FS_GROUP:
        errors.append(not_supported("spec.fsGroupPolicy", policy, _FS_GROUP))
    errors += _token_requests(spec.get("tokenRequests") or [], "spec.tokenRequests")
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in ("Persistent", "Ephemeral"):
            errors.append(not_supported("spec.volumeLifecycleModes", mode, ("Persistent", "Ephemeral")))
    if period is not None and period < 10:
        errors.append(invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, "must be greater than or equal to 10 seconds"))
    if (secrets := spec.get("serviceAccountTokenInSecrets")) is not None and not spec.get("tokenRequests"):
        text = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        errors.append(invalid("spec.serviceAccountTokenInSecrets", secrets, text))
    return errors


def _token_requests(requests: list[Obj], path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for i, request in enumerate(requests):
        at, audience, seconds = index(path, i), request.get("audience", ""), request.get("expirationSeconds")
        if audience in seen:
            errors.append(duplicate(child(at, "audience"), audience))
            continue
        seen.add(audience)
        if seconds is not None and seconds < 600:
            errors.append(invalid(child(at, "expirationSeconds"), seconds, "may not specify a duration less than 10 minutes"))
        if seconds is not None and seconds > 1 << 32:
            errors.append(invalid(child(at, "expirationSeconds"), seconds, "may not specify a duration larger than 2^32 seconds"))
    return errors


def _driver_update(new: Obj, old: Obj) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = _driver(new)
    for name, shown in (("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")):
        if spec.get(name) != before.get(name):
            errors.append(invalid(child("spec", shown), spec.get(name), IMMUTABLE))
    return errors


def _driver_warnings(new: Obj, old: Obj | None) -> list[str]:
    spec, requests = new.get("spec") or {}, (new.get("spec") or {}).get("tokenRequests") or []
    known = old is not None and ((old.get("spec") or {}).get("tokenRequests") or []) == requests
    if known or not requests or spec.get("serviceAccountTokenInSecrets") is not None:
        return []
    text = "if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes"
    return [f"spec.serviceAccountTokenInSecrets is unset; {text}"]


def _csi_node_update(new: Obj, old: Obj) -> Errors:
    """What a driver said of itself stays, but for what it can hold."""
    errors: Errors = []
    for before in (old.get("spec") or {}).get("drivers") or ():
        for driver in (new.get("spec") or {}).get("drivers") or ():
            if driver.get("name") == before.get("name") and _fixed_of(driver) != _fixed_of(before):
                shown = in_given_order({**_fixed_of(driver), "Allocatable": None})
                errors.append(Cause("FieldValueInvalid", f"Invalid value: {shown}: {IMMUTABLE}", "spec.drivers"))
    return errors


def _fixed_of(driver: Obj) -> Obj:
    return {"Name": driver.get("name", ""), "NodeID": driver.get("nodeID", ""), "TopologyKeys": driver.get("topologyKeys")}


def _csi_node(obj: Obj) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for i, driver in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        path, name, node = index("spec.drivers", i), driver.get("name") or "", driver.get("nodeID") or ""
        errors += volumes.driver_name(name, child(path, "name"))
        if not node:
            errors.append(required(child(path, "nodeID")))
        if length(node) > 256:
            errors.append(invalid(child(path, "nodeID"), node, "must be 256 characters or less"))
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None and count < 0:
            errors.append(invalid(child(path, "allocatable", "count"), count, NOT_NEGATIVE))
        if name in seen:
            errors.append(duplicate(child(path, "name"), name))
        seen.add(name)
        errors += _topology_keys(driver.get("topologyKeys") or [], path)
    return errors


def _topology_keys(keys: list[str], path: str) -> Errors:
    errors: Errors = []
    for i, key in enumerate(keys):
        if not key:
            errors.append(required(path))
        if key in keys[:i]:
            errors.append(duplicate(path, key))
        errors += [invalid(path, key, m) for m in qualified_name(key)]
    return errors


def _capacity(obj: Obj) -> Errors:
    name, amount = obj.get("storageClassName", ""), obj.get("capacity")
    errors = label_selector(obj.get("nodeTopology"), "nodeTopology")
    errors += [invalid("storageClassName", name, m) for m in dns1123_subdomain(name)]
    if amount is not None and quantity.nano(amount) < 0:
        errors.append(invalid("capacity", str(amount), NOT_NEGATIVE))
    return errors


def _capacity_update(new: Obj, old: Obj) -> Errors:
    return [invalid(n, new.get(n), IMMUTABLE) for n in ("nodeTopology", "storageClassName") if new.get(n) != old.get(n)]


def _attachment(obj: Obj) -> Errors:
    spec = obj.get("spec") or {}
    source, node, path = spec.get("source") or {}, spec.get("nodeName", ""), "spec.source"
    volume, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    text = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    errors = volumes.driver_name(spec.get("attacher") or "", "spec.attacher")
    if volume is None and inline is None:
        errors.append(required(path, text))
    elif volume is not None and inline is not None:
        errors.append(forbidden(path, text))
    elif volume == "":
        errors.append(required(f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName"))
    elif inline is not None:
        errors += volumes.inline_volume(inline, f"{path}.inlineVolumeSpec")
    errors += [invalid("spec.nodeName", node, m) for m in dns1123_subdomain(node)]
    return errors + ([invalid(f"{path}.persistentVolumeName", volume, m) for m in dns1123_subdomain(volume)] if volume else [])


def _attachment_update(new: Obj, old: Obj) -> Errors:
    if new.get("spec") == old.get("spec"):
        return []
    spec = new.get("spec") or {}
    source = spec.get("source") or {}
    named = {"PersistentVolumeName": source.get("persistentVolumeName"), "InlineVolumeSpec": source.get("inlineVolumeSpec")}
    shown = {"Attacher": spec.get("attacher", ""), "Source": named, "NodeName": spec.get("nodeName", "")}
    return [Cause("FieldValueInvalid", f"Invalid value: {in_given_order(shown)}: {IMMUTABLE}", "spec")]


def _new_attachment(draft: Obj) -> None:
    draft["status"] = {"attached": False}


def _attributes(obj: Obj) -> Errors:
    errors = _provisioner(obj.get("driverName") or "", "driverName")
    return errors + _parameters(obj.get("parameters") or {}, "parameters", needed=True)


def _attributes_update(new: Obj, old: Obj) -> Errors:
    return [forbidden(n, f"updates to {n} are forbidden.") for n in ("driverName", "parameters") if new.get(n) != old.get(n)]


_GROUP = "storage.k8s.io"

STRATEGIES: dict[str, Strategy] = {
    "PersistentVolume": Strategy(
        default=defaults.default_volume,
        prepare_create=_pending,
        prepare_update=keep_status,
        prepare_status=keep_spec,
        validate=volumes.validate_volume,
        revalidate="twice",
        validate_update=volumes.validate_volume_update,
        delete_returns_object=True,
    ),
    "PersistentVolumeClaim": Strategy(
        default=defaults.default_claim,
        prepare_create=_new_claim,
        prepare_update=_update_claim,
        validate=volumes.validate_claim,
        revalidate="after",
        validate_update=volumes.validate_claim_update,
        validate_status=volumes.claim_status,
        warnings=_claim_warnings,
        delete_returns_object=True,
    ),
    f"StorageClass.{_GROUP}": Strategy(
        default=defaults.default_class,
        validate=_class,
        revalidate="before",
        validate_update=_class_update,
        delete_returns_object=True,
    ),
    f"CSIDriver.{_GROUP}": Strategy(
        default=defaults.default_driver,
        validate=_driver,
        validate_update=_driver_update,
        counts_changes=True,
        warnings=_driver_warnings,
        unconditional_update=False,
        delete_returns_object=True,
    ),
    f"CSINode.{_GROUP}": Strategy(
        default=defaults.default_node,
        validate=_csi_node,
        validate_update=_csi_node_update,
        revalidate="instead",
        unconditional_update=False,
        delete_returns_object=True,
    ),
    f"CSIStorageCapacity.{_GROUP}": Strategy(
        validate=_capacity, validate_update=_capacity_update, revalidate="before", unconditional_update=False
    ),
    f"VolumeAttachment.{_GROUP}": Strategy(
        default=defaults.default_attachment,
        prepare_create=_new_attachment,
        prepare_update=keep_status,
        validate=_attachment,
        revalidate="instead",
        validate_update=_attachment_update,
        unconditional_update=False,
        delete_returns_object=True,
    ),
    f"VolumeAttributesClass.{_GROUP}": Strategy(
        validate=_attributes, validate_update=_attributes_update, revalidate="after", delete_returns_object=True
    ),
}
