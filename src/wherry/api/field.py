"""Field errors: what a validation rule returns (k8s.io/apimachinery/pkg/util/validation/field), a list of causes.

A path is a plain string built with `child`, `index` and `key`; values in messages are written as the reference writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from wherry.api.errors import Cause

Errors = list[Cause]


def child(path: str, *names: str) -> str:
    return ".".join((path, *names)) if path else ".".join(names)


def index(path: str, i: int) -> str:
    return f"{path}[{i}]"


def key(path: str, k: str) -> str:
    return f"{path}[{k}]"


def show(value: Any) -> str:
    """A bad value as the reference prints it: strings quoted, scalars plain, objects and lists as JSON, null for None."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (int, float)):
        return str(value)
    return msgspec.json.encode(value, order="sorted").decode()


_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", '"': '\\"', "\\": "\\\\"}


def quoted(text: str) -> str:
    """A text in double quotes as Go's `%q` writes it: what cannot be printed by its number."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else _escaped(c) for c in text) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    number = ord(char)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def required(path: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", "Required value" + (f": {detail}" if detail else ""), path)


def invalid(path: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {show(value)}: {detail}" if detail else f"Invalid value: {show(value)}", path)


def not_supported(path: str, value: Any, supported: Iterable[str]) -> Cause:
    listed = ", ".join(f'"{s}"' for s in supported)
    return Cause("FieldValueNotSupported", f"Unsupported value: {show(value)}: supported values: {listed}", path)


def internal(path: str, detail: str) -> Cause:
    return Cause("InternalError", f"Internal error: {detail}", path)


def duplicate(path: str, value: Any) -> Cause:
    return Cause("FieldValueDuplicate", f"Duplicate value: {show(value)}", path)


def forbidden(path: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", path)


def not_found(path: str, value: Any) -> Cause:
    return Cause("FieldValueNotFound", f"Not found: {show(value)}", path)


def type_invalid(path: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueTypeInvalid", f"Invalid value: {show(value)}: {detail}", path)


def too_long(path: str, max_length: int) -> Cause:
    return Cause("FieldValueTooLong", f"Too long: may not be more than {max_length} bytes", path)


def too_many(path: str, actual: int, max_items: int) -> Cause:
    return Cause("FieldValueTooMany", f"Too many: {actual}: must have at most {max_items} items", path)
