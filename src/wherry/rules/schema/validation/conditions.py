"""metav1.Conditions, as the newer kinds carry them in status.

Source: k8s.io/apimachinery/pkg/apis/meta/v1/validation ValidateConditions.
"""

from __future__ import annotations

import re

from wherry.api.field import Errors, child, duplicate, index, invalid, not_supported, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.names import length, regex_message
from wherry.rules.schema.validation.labels import label_key

_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_is_reason = re.compile(_REASON).fullmatch
_REASON_TEXT = regex_message(
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', "
    "and must end with an alphanumeric character or '_'",
    _REASON, "my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB",
)


def conditions(entries: list[Obj], path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for i, entry in enumerate(entries):
        at, type_ = index(path, i), entry.get("type", "")
        if type_ in seen:
            errors.append(duplicate(child(at, "type"), type_))
        seen.add(type_)
        errors += _condition(entry, at)
    return errors


def _condition(entry: Obj, path: str) -> Errors:
    status, observed, reason = entry.get("status", ""), entry.get("observedGeneration", 0), entry.get("reason", "")
    errors = label_key(entry.get("type", ""), child(path, "type"))
    if status not in ("False", "True", "Unknown"):
        errors.append(not_supported(child(path, "status"), status, ("False", "True", "Unknown")))
    if observed < 0:
        errors.append(invalid(child(path, "observedGeneration"), observed, "must be greater than or equal to zero"))
    if not entry.get("lastTransitionTime"):
        errors.append(required(child(path, "lastTransitionTime")))
    if not reason:
        errors.append(required(child(path, "reason")))
    elif not _is_reason(reason):
        errors.append(invalid(child(path, "reason"), reason, _REASON_TEXT))
    for name, limit in (("reason", 1024), ("message", 32768)):
        if length(entry.get(name, "")) > limit:
            errors.append(too_long(child(path, name), limit))
    return errors
