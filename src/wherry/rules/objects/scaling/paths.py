"""Where a kind keeps the numbers of its scale subresource.

Called by the strategy of custom kinds (is what is there a number?) and by `scale`.
Source: k8s.io/apiextensions-apiserver/pkg/registry/customresource (etcd.go, validator.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wherry.api import field
from wherry.api.field import Errors
from wherry.api.objects import Obj

_MOST = 2**31 - 1
_GO_TYPES = {bool: "bool", str: "string", float: "float64", dict: "map[string]interface {}", list: "[]interface {}", int: "int64"}


class NotThere(Exception):
    """A value of another type stands at the path, or on the way; the message says it as the reference does."""


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Paths as the definition writes them, with a leading dot; `selector` is "" when there is none."""

    replicas: str
    status_replicas: str
    selector: str

    def errors(self, obj: Obj, *, with_spec: bool = True) -> Errors:
        found = _number_errors(obj, self.replicas) if with_spec else []
        found += _number_errors(obj, self.status_replicas)
        if self.selector:
            try:
                text(obj, self.selector)
            except NotThere as error:
                found.append(field.invalid(self.selector, "", str(error)))
        return found


def of(scale: Mapping[str, Any]) -> ScalePaths:
    return ScalePaths(scale.get("specReplicasPath", ""), scale.get("statusReplicasPath", ""), scale.get("labelSelectorPath") or "")


def parts(path: str) -> list[str]:
    return path.removeprefix(".").split(".")


def number(obj: Obj, path: str) -> int | None:
    """The integer at the path; None when nothing is there. Raises NotThere."""
    value = _at(obj, path)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise NotThere(_wrong(path, value, "int64"))
    return value


def text(obj: Obj, path: str) -> str:
    """Raises NotThere."""
    value = _at(obj, path)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise NotThere(_wrong(path, value, "string"))
    return value


def with_number(obj: Obj, path: str, value: int) -> Obj:
    """A new object with the number at the path. Raises NotThere when something else than an object is on the way."""
    changed: Obj = _set(obj, parts(path), value, path)
    return changed


def _set(value: Any, names: list[str], number: int, path: str) -> Any:
    if not isinstance(value, dict):
        raise NotThere(f"value cannot be set because {path} is not a map[string]interface{{}}")
    first, rest = names[0], names[1:]
    return {**value, first: _set(value.get(first, {}), rest, number, path) if rest else number}


def _at(obj: Obj, path: str) -> Any:
    value: Any = obj
    for i, name in enumerate(parts(path)):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise NotThere(_wrong("." + ".".join(parts(path)[: i + 1]), value, "map[string]interface{}"))
        value = value.get(name)
    return value


def _wrong(path: str, value: Any, wanted: str) -> str:
    go = _GO_TYPES.get(type(value), "<nil>")
    shown = value if isinstance(value, str) else field.show(value)
    return f".{path.removeprefix('.')} accessor error: {shown} is of the type {go}, expected {wanted}"


def _number_errors(obj: Obj, path: str) -> Errors:
    try:
        value = number(obj, path) or 0
    except NotThere as error:
        return [field.invalid(path, 0, str(error))]
    if value < 0:
        return [field.invalid(path, value, "should be a non-negative integer")]
    return [field.invalid(path, value, f"should be less than or equal to {_MOST}")] if value > _MOST else []
