"""How CustomResourceDefinitions are written: defaults, status, and their end.

Read by the registry through `rules.kinds`. A deletion first marks the definition and gives it a finalizer, so that the objects of its kind
can be deleted before it; see `wherry.controllers.crd_cleanup`.
Source: k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition (strategy.go, etcd.go), pkg/apis/apiextensions/v1/defaults.go.
"""

from __future__ import annotations

from typing import Any

from wherry.api.field import Errors
from wherry.api.objects import Obj, is_deleting
from wherry.rules.custom import conditions
from wherry.rules.custom.names import names_errors
from wherry.rules.objects.strategy import Strategy, keep_status

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_PENDING = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"


def default_definition(draft: Obj) -> None:
    spec = draft.setdefault("spec", {})
    names = spec.setdefault("names", {})
    if not names.get("singular"):
        names["singular"] = names.get("kind", "").lower()
    if not names.get("listKind") and names.get("kind"):
        names["listKind"] = f"{names['kind']}List"
    conversion = spec.get("conversion")
    if conversion is None:
        spec["conversion"] = {"strategy": "None"}
    elif service := ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service"):
        service.setdefault("port", 443)
    draft["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, **(draft.get("status") or {})}
    if not draft["status"].get("storedVersions"):
        draft["status"]["storedVersions"] = _storage_versions(spec) or None


def _storage_versions(spec: Obj) -> list[str]:
    return [v.get("name", "") for v in spec.get("versions") or () if v.get("storage")][:1]


def _new_definition(draft: Obj) -> None:
    draft.pop("status", None)
    default_definition(draft)


def _update_definition(draft: Obj, old: Obj) -> None:
    """The storage version joins those that were."""
    keep_status(draft, old)
    status = draft.get("status") or {}
    stored: list[str] = status.get("storedVersions") or []
    added = [v for v in _storage_versions(draft.get("spec") or {}) if v not in stored]
    if added:
        draft["status"] = {**status, "storedVersions": [*stored, *added]}


def _marked(obj: Obj) -> Obj:
    """The first deletion: the objects of the kind go first. Such a deletion, unlike others, neither counts as a change nor has a grace."""
    meta = obj["metadata"]
    if CLEANUP in (meta.get("finalizers") or ()) or conditions.find(obj, "Terminating") is not None:
        return obj
    meta = {k: v for k, v in meta.items() if k != "deletionGracePeriodSeconds"}
    if meta.get("generation"):
        meta["generation"] -= 1
    meta["finalizers"] = [*(meta.get("finalizers") or ()), CLEANUP]
    status = obj["status"]
    pending = conditions.make("Terminating", "True", "InstanceDeletionPending", _PENDING, meta["deletionTimestamp"])
    return {**obj, "metadata": meta, "status": {**status, "conditions": conditions.put(status.get("conditions"), pending)}}


def _validate(obj: Obj) -> Errors:
    from wherry.rules.custom.definition_validation import validate_definition  # most clusters never see a definition

    return validate_definition(obj)


def _validate_update(new: Obj, old: Obj) -> Errors:
    from wherry.rules.custom.definition_validation import validate_definition_update

    return validate_definition_update(new, old)


def _validate_status(new: Obj, old: Obj) -> Errors:
    return names_errors((new.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames")


def _warnings(new: Obj, old: Obj | None) -> list[str]:
    """Formats that nobody checks, unless they were there before."""
    before = unknown_formats(old) if old is not None else set()
    return [f'unrecognized format "{name}"' for name in sorted(unknown_formats(new) - before)]


def unknown_formats(definition: Obj) -> set[str]:
    found: set[str] = set()
    for version in (definition.get("spec") or {}).get("versions") or ():
        _collect((version.get("schema") or {}).get("openAPIV3Schema"), found)
    return found


def _collect(schema: Any, found: set[str]) -> None:
    if not isinstance(schema, dict):
        return
    from wherry.rules.custom.formats import recognised

    if schema.get("format") and not recognised(schema):
        found.add(schema["format"])
    for below in (schema.get("properties") or {}).values():
        _collect(below, found)
    for key in ("items", "additionalProperties", "not"):
        _collect(schema.get(key), found)
    for key in ("allOf", "anyOf", "oneOf"):
        for below in schema.get(key) or ():
            _collect(below, found)


STRATEGY = Strategy(
    default=default_definition,
    prepare_create=_new_definition,
    prepare_update=_update_definition,
    validate=_validate,
    validate_update=_validate_update,
    validate_status=_validate_status,
    metadata="plain",
    warnings=_warnings,
    generation=True,
    unconditional_update=False,
    holds=lambda obj: not is_deleting(obj),
    marked=_marked,
)
