"""A CEL value as JSON: what becomes of the result of an expression that builds a part of an object.

Called for mutations. Durations and timestamps become their texts, bytes base64; what JSON has no word for is an error.
"""

from __future__ import annotations

import base64
from typing import Any

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.libraries.conversions import show_duration, show_timestamp
from wherry.rules.cel.values import Duration, Lazy, Timestamp, UInt, type_name


def json_of(value: Any) -> Any:
    """Raises CelError."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [json_of(item) for item in value]
    if kind in (dict, Lazy):
        return {str(key): json_of(item) for key, item in value.items()}
    if kind is UInt:
        return int(value)
    if kind is bytes:
        return base64.b64encode(value).decode()
    if kind is Timestamp:
        return show_timestamp(value)
    if kind is Duration:
        return show_duration(value)
    raise CelError(f"cannot convert {type_name(value)} to JSON")
