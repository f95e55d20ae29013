"""What PersistentVolumeClaims use: a count and the storage they request, in all and by storage class.

Source: pkg/quota/v1/evaluator/core/persistent_volume_claims.go.
"""

from __future__ import annotations

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.admission.quota.amounts import Amounts
from wherry.rules.admission.quota.evaluator import Evaluator, counted_as
from wherry.rules.admission.quota.scopes import holds

_COUNT = counted_as("persistentvolumeclaims")
_PLAIN = ("persistentvolumeclaims", "requests.storage")
_BY_CLASS = ".storageclass.storage.k8s.io/"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def _matches(name: str) -> bool:
    return name == _COUNT or name in _PLAIN or name.endswith(tuple(_BY_CLASS + plain for plain in _PLAIN))


def _class_of(claim: Obj) -> str:
    notes = claim["metadata"].get("annotations") or {}
    return str(notes.get(_CLASS_ANNOTATION, (claim.get("spec") or {}).get("storageClassName") or ""))


def _storage(claim: Obj) -> str | None:
    """In whole bytes: what is requested, or what an expansion has allocated already."""
    asked = ((claim.get("spec") or {}).get("resources") or {}).get("requests", {}).get("storage")
    if asked is None:
        return None
    allocated = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
    most = allocated if allocated is not None and quantity.compare(allocated, asked) > 0 else asked
    whole = quantity.to_int(most)
    return most if quantity.nano(most) == whole * 10**9 else quantity.format_(whole, quantity.quantity(most).format)


def _usage(claim: Obj, now: float) -> Amounts:
    used: Amounts = {"persistentvolumeclaims": "1", _COUNT: "1"}
    storage, class_ = _storage(claim), _class_of(claim)
    if storage is not None:
        used["requests.storage"] = storage
    if class_:
        used |= {f"{class_}{_BY_CLASS}{name}": used[name] for name in _PLAIN if name in used}
    return used


def attributes_classes(claim: Obj) -> set[str]:
    """Every VolumeAttributesClass it names, has, or changes to."""
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    names = {
        spec.get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    }
    return {name for name in names if name}


def needs_recount(new: Obj, old: Obj) -> bool:
    """A change of status that changes what is charged."""
    allocated = [((c.get("status") or {}).get("allocatedResources") or {}).get("storage") for c in (new, old)]
    return allocated[0] != allocated[1] or attributes_classes(new) != attributes_classes(old)


def _handles(operation: str, subresource: str, new: Obj, old: Obj | None) -> bool:
    if subresource == "status":
        return old is not None and needs_recount(new, old)
    return not subresource and operation in ("CREATE", "UPDATE")


def _in_scope(requirement: Obj, claim: Obj) -> bool:
    return requirement.get("scopeName") == "VolumeAttributesClass" and holds(requirement, attributes_classes(claim))


CLAIMS = Evaluator("persistentvolumeclaims", _matches, _usage, _handles, _in_scope)
