"""Metadata of every kind: what is wrong with it in a new object, and what a change may not touch.

Called through `wherry.rules.schema.validation.write` by the registry on every write. Expects that names were generated and that system
fields (uid, creationTimestamp, deletionTimestamp) were carried over from the old object.
Source: k8s.io/apimachinery/pkg/api/validation/objectmeta.go ValidateObjectMeta, ValidateObjectMetaUpdate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wherry.api.errors import Cause
from wherry.api.field import Errors, child, forbidden, index, invalid, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.names import (
    RULES,
    NameRule,
    anything,
    as_prefix,
    dns1123_label,
    length,
    path_segment_prefix,
    qualified_name,
)
from wherry.rules.schema.validation.labels import annotation_map, labels
from wherry.rules.texts.go_values import in_given_order

#: rules for names -> the rule for generateName, where it is not that for names with a dash at the end
_PREFIX_RULES: dict[str | NameRule, NameRule] = {"path": path_segment_prefix, "any": anything, "long": anything}
IMMUTABLE = "field is immutable"
NOT_NEGATIVE = "must be greater than or equal to 0"
_ORPHAN, _FOREGROUND = "orphan", "foregroundDeletion"
_FIXED = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_TIMES = ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def validate_metadata(
    obj: Obj, *, namespaced: bool, name_rule: str | NameRule, path: str = "metadata", kube_finalizers: bool = True
) -> Errors:
    """All errors of a new object's metadata. `name_rule` is a name in `names.RULES`, or a rule.

    `kube_finalizers`: a finalizer without a domain must be one of Kubernetes's own; of built-in kinds, not of custom objects.
    """
    meta = obj.get("metadata") or {}
    errors = _name(meta, name_rule, path)
    errors += _namespace(meta.get("namespace", ""), namespaced, child(path, "namespace"))
    generation = meta.get("generation", 0)
    if generation < 0:
        errors.append(invalid(child(path, "generation"), generation, NOT_NEGATIVE))
    errors += labels(meta.get("labels"), child(path, "labels"))
    errors += annotation_map(meta.get("annotations"), child(path, "annotations"))
    if owners := meta.get("ownerReferences"):
        errors += owner_references(owners, child(path, "ownerReferences"))
    if names := meta.get("finalizers"):
        errors += finalizers(names, child(path, "finalizers"))
    if entries := meta.get("managedFields"):
        errors += managed_fields(entries, child(path, "managedFields"))
    if kube_finalizers and (names := meta.get("finalizers")):
        errors += _kube_finalizers(names, child(path, "finalizers"))
    return errors


def _name(meta: Mapping[str, Any], name_rule: str | NameRule, path: str) -> Errors:
    rule = RULES[name_rule] if isinstance(name_rule, str) else name_rule
    errors: Errors = []
    if generate := meta.get("generateName"):
        messages = _PREFIX_RULES[name_rule](generate) if name_rule in _PREFIX_RULES else as_prefix(rule, generate)
        errors += [invalid(child(path, "generateName"), generate, m) for m in messages]
    if name := meta.get("name"):
        return errors + [invalid(child(path, "name"), name, m) for m in rule(name)]
    return [*errors, required(child(path, "name"), "name or generateName is required")]


def _namespace(namespace: str, namespaced: bool, path: str) -> Errors:
    if namespaced:
        return [invalid(path, namespace, m) for m in dns1123_label(namespace)] if namespace else [required(path)]
    return [forbidden(path, "not allowed on this type")] if namespace else []


def validate_metadata_update(new: Obj, old: Obj, path: str = "metadata") -> Errors:
    """All errors of a change of metadata, seen from the new object (which says the version it was made from)."""
    meta, before = new.get("metadata") or {}, old.get("metadata") or {}
    errors: Errors = []
    if before.get("deletionTimestamp"):
        errors += _no_new_finalizers(meta.get("finalizers") or (), before.get("finalizers") or (), child(path, "finalizers"))
    if not meta.get("resourceVersion"):
        errors.append(invalid(child(path, "resourceVersion"), "", "must be specified for an update"))
    if meta.get("generation", 0) < before.get("generation", 0):
        errors.append(invalid(child(path, "generation"), meta.get("generation", 0), "must not be decremented"))
    for key in _FIXED:
        if (meta.get(key) or None) != (before.get(key) or None):
            errors.append(invalid(child(path, key), meta.get(key, None if key in _TIMES else ""), IMMUTABLE))
    errors += labels(meta.get("labels"), child(path, "labels"))
    errors += annotation_map(meta.get("annotations"), child(path, "annotations"))
    if owners := meta.get("ownerReferences"):
        errors += owner_references(owners, child(path, "ownerReferences"))
    if entries := meta.get("managedFields"):
        errors += managed_fields(entries, child(path, "managedFields"))
    return errors


def owner_references(references: Sequence[Obj], path: str) -> Errors:
    errors: Errors = []
    first = ""
    for ref in references:
        errors += _owner_reference(ref, path)
        if ref.get("controller"):
            current = f"{ref.get('kind', '')}/{ref.get('name', '')}"
            if first:
                detail = f'Only one reference can have Controller set to true. Found "true" in references for {first} and {current}'
                errors.append(_as_written(path, [_in_order(r) for r in references], detail))
            else:
                first = current
    return errors


def _owner_reference(ref: Obj, path: str) -> Errors:
    api_version = ref.get("apiVersion", "")
    errors: Errors = []
    if api_version in ("", "/") or api_version.count("/") > 1 or api_version.endswith("/"):
        errors.append(invalid(child(path, "apiVersion"), api_version, "version must not be empty"))
    for key in ("kind", "name", "uid"):
        if not ref.get(key):
            errors.append(invalid(child(path, key), "", "must not be empty"))
    if (api_version, ref.get("kind")) == ("v1", "Event"):
        errors.append(_as_written(path, _in_order(ref), "/v1, Kind=Event is disallowed from being an owner"))
    return errors


def _in_order(ref: Obj) -> Obj:
    """The fields in the order of the reference's type, which is how messages show it."""
    known = {"apiVersion": "", "kind": "", "name": "", "uid": "", **ref}
    order = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
    return {k: known[k] for k in order if k in known}


def _as_written(path: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {in_given_order(value)}: {detail}", path)


def finalizers(names: Sequence[str], path: str) -> Errors:
    errors = [invalid(path, name, m) for name in names for m in qualified_name(name)]
    if _ORPHAN in names and _FOREGROUND in names:
        errors.append(invalid(path, list(names), f"finalizer {_ORPHAN} and {_FOREGROUND} cannot be both set"))
    return errors


def kube_finalizers(names: Sequence[str], path: str) -> Errors:
    """Finalizers without a domain are Kubernetes's own."""
    return [e for i, name in enumerate(names) for e in kube_finalizer(name, index(path, i))]


_kube_finalizers = kube_finalizers  # where a parameter of that name stands in front of it


def kube_finalizer(name: str, path: str) -> Errors:
    """A finalizer without a domain is one of Kubernetes's own."""
    if "/" in name or name in ("kubernetes", _ORPHAN, _FOREGROUND):
        return []
    return [invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified")]


def _no_new_finalizers(new: Iterable[str], old: Iterable[str], path: str) -> Errors:
    extra = sorted(set(new) - set(old))
    if not extra:
        return []
    listed = "[]string{" + ", ".join(f'"{e}"' for e in extra) + "}"
    return [forbidden(path, f"no new finalizers can be added if the object is being deleted, found new finalizers {listed}")]


def field_manager(manager: str, path: str) -> Errors:
    errors: Errors = [too_long(path, 128)] if length(manager) > 128 else []
    for position, c in enumerate(manager):
        if not c.isprintable():
            errors.append(invalid(path, manager, f"invalid character U+{ord(c):04X} (at position {position})"))
    return errors


def managed_fields(entries: Iterable[Obj], path: str) -> Errors:
    errors: Errors = []
    for i, entry in enumerate(entries):
        at = index(path, i)
        if entry.get("operation") not in ("Apply", "Update"):
            errors.append(invalid(child(at, "operation"), entry.get("operation", ""), "must be `Apply` or `Update`"))
        if entry.get("fieldsType", "FieldsV1") not in ("FieldsV1", ""):
            errors.append(invalid(child(at, "fieldsType"), entry["fieldsType"], "must be `FieldsV1`"))
        errors += field_manager(entry.get("manager", ""), child(at, "manager"))
        if len(entry.get("subresource", "")) > 256:
            errors.append(too_long(child(at, "subresource"), 256))
    return errors
