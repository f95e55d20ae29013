"""Labels, annotations and label selectors: what is wrong with them.

Called for metadata of every write and for the selectors inside specs. Good maps are remembered, so that a template stamped a
thousand times is looked at once.
Source: k8s.io/apimachinery/pkg/apis/meta/v1/validation, pkg/api/validation/objectmeta.go ValidateAnnotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from wherry.api.field import Errors, child, forbidden, index, invalid, required, too_long
from wherry.rules.objects.names import label_value, length, qualified_name

ANNOTATIONS_LIMIT = 256 * 1024
_NO_OPERATOR_VALUES = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"


@lru_cache(maxsize=8192)
def _good_label(key: str, value: str) -> bool:
    return not qualified_name(key) and not label_value(value)


@lru_cache(maxsize=2048)
def _good_annotation_key(key: str) -> bool:
    return not qualified_name(key.lower())


def annotations_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    """The object's annotations; empty when there are none."""
    return (obj.get("metadata") or {}).get("annotations") or {}


def label_key(key: str, path: str) -> Errors:
    return [invalid(path, key, m) for m in qualified_name(key)]


def labels(values: Mapping[str, str] | None, path: str) -> Errors:
    errors: Errors = []
    for key, value in (values or {}).items():
        if not _good_label(key, value):
            errors += label_key(key, path)
            errors += [invalid(path, value, m) for m in label_value(value)]
    return errors


def annotation_map(values: Mapping[str, str] | None, path: str) -> Errors:
    if not values:
        return []
    errors: Errors = []
    size = 0
    for key, value in values.items():
        size += length(key) + length(value)
        if not _good_annotation_key(key):
            errors += [invalid(path, key, m) for m in qualified_name(key.lower())]
    if size > ANNOTATIONS_LIMIT:
        errors.append(too_long(path, ANNOTATIONS_LIMIT))
    return errors


def label_selector(selector: Mapping[str, Any] | None, path: str, *, any_value: bool = False) -> Errors:
    """A LabelSelector. `any_value` lets bad values pass, for objects that had them before."""
    if not selector:
        return []
    errors = labels(selector.get("matchLabels"), child(path, "matchLabels"))
    for i, requirement in enumerate(selector.get("matchExpressions") or ()):
        errors += _requirement(requirement, index(child(path, "matchExpressions"), i), any_value)
    return errors


def _requirement(requirement: Mapping[str, Any], path: str, any_value: bool) -> Errors:
    errors: Errors = []
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(child(path, "values"), "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.append(forbidden(child(path, "values"), _NO_OPERATOR_VALUES))
    else:
        errors.append(invalid(child(path, "operator"), operator, "not a valid selector operator"))
    errors += label_key(requirement.get("key", ""), child(path, "key"))
    if not any_value:
        errors += [invalid(index(child(path, "values"), i), v, m) for i, v in enumerate(values) for m in label_value(v)]
    return errors
