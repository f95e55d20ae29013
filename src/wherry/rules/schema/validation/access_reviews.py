"""Selectors in the question of an access review: raw or in parts, not both; an operator that is not known may come from a newer client.

Called by the answering of SubjectAccessReviews of all three kinds.
Source: pkg/apis/authorization/validation, apimachinery's meta/v1/validation (KEP-4601).
"""

from __future__ import annotations

from wherry.api.field import Errors, child, forbidden, index, invalid, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import label_value
from wherry.rules.schema.validation.labels import label_key


def selector_errors(attributes: Obj | None, path: str) -> Errors:
    errors: Errors = []
    for name in ("fieldSelector", "labelSelector"):
        if (selector := (attributes or {}).get(name)) is not None:
            errors += _selector(selector, child(path, name), of_labels=name == "labelSelector")
    return errors


def _selector(selector: Obj, path: str, *, of_labels: bool) -> Errors:
    raw, parts = selector.get("rawSelector") or "", selector.get("requirements") or []
    errors: Errors = []
    if raw and parts:
        errors.append(invalid(child(path, "rawSelector"), raw, "may not specified at the same time as requirements"))
    if not raw and not parts:
        errors.append(required(child(path, "requirements"), f"when {path} is specified, requirements or rawSelector is required"))
    return errors + [e for i, part in enumerate(parts) for e in _requirement(part, index(child(path, "requirements"), i), of_labels)]


def _requirement(part: Obj, path: str, of_labels: bool) -> Errors:
    key, operator, values = part.get("key") or "", part.get("operator") or "", part.get("values") or []
    errors: Errors = [] if key or of_labels else [required(child(path, "key"), "must be specified")]
    if operator in ("In", "NotIn") and not values:
        errors.append(required(child(path, "values"), "must be specified when `operator` is 'In' or 'NotIn'"))
    if operator in ("Exists", "DoesNotExist") and values:
        errors.append(forbidden(child(path, "values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    if not of_labels:
        return errors
    errors += label_key(key, child(path, "key"))
    return errors + [invalid(index(child(path, "values"), i), v, m) for i, v in enumerate(values) for m in label_value(v)]


def shown_path(attributes: Obj) -> Obj:
    """nonResourceAttributes as the reference's server holds them."""
    return {"Path": attributes.get("path") or "", "Verb": attributes.get("verb") or ""}
