"""Query parameters, read as the reference reads them: leniently for booleans, by Go's rules for numbers, first value wins.

Called by the handlers of the server. Turns a query string into `ListOptions`, `WatchOptions`, `WriteOptions`, `DeleteOptions`.
Combinations of list and watch options are checked by the registry; options of writes here. Raises BadRequest and Invalid.
Source: k8s.io/apimachinery/pkg/runtime/conversion.go, pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qs

from wherry.api import field
from wherry.api.errors import BadRequest, invalid
from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, DEFAULT_DELETE, DeleteOptions, ListOptions, WatchOptions, WriteOptions

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FIELD_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_MAX_MANAGER = 128
_INT64 = 1 << 63
#: longer numbers are not read, which takes time that grows with the square; zeros in front make them no better
_MOST_DIGITS = 100


class Parameters:
    """A parsed query string."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, list[str]]) -> None:
        self._values = values

    def __bool__(self) -> bool:
        return bool(self._values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def text(self, name: str) -> str:
        values = self._values.get(name)
        return values[0] if values else ""

    def flag(self, name: str) -> bool | None:
        """None when absent; anything but `false` and `0` is true, also nothing at all."""
        values = self._values.get(name)
        return None if not values else values[0].lower() not in ("false", "0")

    def integer(self, name: str) -> int | None:
        values = self._values.get(name)
        if not values:
            return None
        if not _INTEGER.fullmatch(values[0]):
            raise BadRequest(f"strconv.ParseInt: parsing {field.show(values[0])}: invalid syntax")
        number = int(values[0]) if len(values[0]) <= _MOST_DIGITS else _INT64
        if not -_INT64 <= number < _INT64:
            raise BadRequest(f"strconv.ParseInt: parsing {field.show(values[0])}: value out of range")
        return number


NO_PARAMETERS = Parameters({})


@lru_cache(maxsize=1024)
def parse(query: str) -> Parameters:
    return Parameters(parse_qs(query, keep_blank_values=True, errors="replace")) if query else NO_PARAMETERS


def list_options(p: Parameters) -> ListOptions:
    p.integer("timeoutSeconds")  # read only by watches, but wrong for both
    return ListOptions(
        p.text("labelSelector"), p.text("fieldSelector"), max(p.integer("limit") or 0, 0), p.text("continue"), p.text("resourceVersion"),
        p.text("resourceVersionMatch"), p.flag("sendInitialEvents"),
    )  # fmt: skip


NO_LIST = ListOptions()


def watch_options(p: Parameters, name: str = "") -> WatchOptions:
    """`name`: a watch of one object is one with a field selector. Raises BadRequest when another one is given that differs."""
    p.integer("timeoutSeconds")
    p.integer("limit")
    fields = p.text("fieldSelector")
    if name:
        fields = _one_name(fields, name)
    return WatchOptions(
        p.text("resourceVersion"), p.text("resourceVersionMatch"), p.text("labelSelector"), fields,
        bool(p.flag("allowWatchBookmarks")), p.flag("sendInitialEvents"), p.text("continue"),
    )  # fmt: skip


def _one_name(fields: str, name: str) -> str:
    if fields and f"metadata.name={name}" not in fields.replace("==", "=").split(","):
        raise BadRequest("fieldSelector metadata.name doesn't match requested name")
    return fields or f"metadata.name={name}"


def _option_errors(p: Parameters) -> Errors:
    errors: Errors = []
    manager, dry_run, validation = p.text("fieldManager"), p.all("dryRun"), p.text("fieldValidation")
    if len(manager.encode()) > _MAX_MANAGER:
        errors.append(field.too_long("fieldManager", _MAX_MANAGER))
    for position, char in enumerate(manager):
        if not char.isprintable():
            shown = f"U+{ord(char):04X}"
            errors.append(field.invalid("fieldManager", manager, f"invalid character {shown} (at position {position})"))
    if any(value != "All" for value in dry_run):
        errors.append(field.not_supported("dryRun", dry_run, ("All",)))
    if validation not in _FIELD_VALIDATIONS:
        errors.append(field.not_supported("fieldValidation", validation, _FIELD_VALIDATIONS))
    return errors


def write_options(p: Parameters, kind: str, user_agent: str, patch_type: str = "") -> WriteOptions:
    """`kind`: CreateOptions, UpdateOptions or PatchOptions. Raises Invalid."""
    if not p:
        if patch_type == APPLY_PATCH:
            raise invalid(f"{kind}.meta.k8s.io", "", [_MANAGER_REQUIRED])
        return WriteOptions(user_agent=user_agent)
    errors: Errors = []
    if patch_type == APPLY_PATCH and not p.text("fieldManager"):
        errors.append(_MANAGER_REQUIRED)
    if patch_type and patch_type != APPLY_PATCH and "force" in p:
        errors.append(field.forbidden("force", "may not be specified for non-apply patch"))
    errors += _option_errors(p)
    if errors:
        raise invalid(f"{kind}.meta.k8s.io", "", errors)
    return WriteOptions(p.text("fieldManager"), user_agent, bool(p.all("dryRun")), p.text("fieldValidation"), bool(p.flag("force")))


_MANAGER_REQUIRED = field.required("fieldManager", "is required for apply patch")


def delete_options(p: Parameters) -> DeleteOptions:
    """From the query, for a delete without a body."""
    if not p:
        return DEFAULT_DELETE
    preconditions = {"uid": p.text("uid"), "resourceVersion": p.text("resourceVersion") if "uid" in p else ""}
    given: Obj = {
        "gracePeriodSeconds": p.integer("gracePeriodSeconds"),
        "orphanDependents": p.flag("orphanDependents"),
        "propagationPolicy": p.text("propagationPolicy") if "propagationPolicy" in p else None,
        "dryRun": p.all("dryRun"),
        "preconditions": preconditions,
    }
    return delete_options_from(given)


def delete_options_from(given: Obj) -> DeleteOptions:
    """From a DeleteOptions object. The registry checks the policy's name. Raises Invalid."""
    policy, orphan, dry_run = given.get("propagationPolicy"), given.get("orphanDependents"), given.get("dryRun") or []
    errors: Errors = []
    if orphan is not None and policy is not None:
        errors.append(field.invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"))
    if any(value != "All" for value in dry_run):
        errors.append(field.not_supported("dryRun", dry_run, ("All",)))
    if errors:
        raise invalid("DeleteOptions.meta.k8s.io", "", errors)
    if orphan is not None:
        policy = "Orphan" if orphan else "Background"
    preconditions = given.get("preconditions") or {}
    uid, version = preconditions.get("uid") or "", preconditions.get("resourceVersion") or ""
    return DeleteOptions(given.get("gracePeriodSeconds"), policy or "", uid, version, bool(dry_run))
