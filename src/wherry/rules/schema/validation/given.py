"""What a client gave empty and what it did not give: the same in what is stored, but not to the reference until then.

Called by the registry with a body as it came. A draft leaves out what is empty (`decode.roundtrip`); the reference's server holds `{}` and
`[]` until it stores the object, so its messages show them, and kinds whose change it finds by reflect.DeepEqual count them as a change.
"""

from __future__ import annotations

import re
from typing import Any

from wherry.api.errors import Cause
from wherry.api.field import Errors

_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")
_SHOWN = re.compile(r"(Invalid|Unsupported) value: null(?=:)")
_NOTHING = object()


def as_given(errors: Errors, body: Any) -> Errors:
    """The causes, with `null` for an empty list or object written as it was given."""
    return [_as_given(cause, body) if "value: null:" in cause.message else cause for cause in errors]


def _as_given(cause: Cause, body: Any) -> Cause:
    value = _at(body, cause.field)
    if value not in ({}, []):
        return cause
    text = "{}" if value == {} else "[]"
    return cause._replace(message=_SHOWN.sub(rf"\1 value: {text}", cause.message, count=1))


def _at(value: Any, path: str) -> Any:
    for name, position in _STEP.findall(path):
        if isinstance(value, list) and position.isdigit() and int(position) < len(value):
            value = value[int(position)]
        elif isinstance(value, dict):
            value = value.get(name or position, _NOTHING)
        else:
            return _NOTHING
    return value


def gave_empty(body: Any, draft: Any) -> bool:
    """Whether something below was given as an empty list or object that the draft leaves out."""
    if isinstance(body, dict) and isinstance(draft, dict):
        return any(
            (value in ({}, []) and key not in draft) or (key in draft and gave_empty(value, draft[key])) for key, value in body.items()
        )
    if isinstance(body, list) and isinstance(draft, list) and len(body) == len(draft):
        return any(gave_empty(one, other) for one, other in zip(body, draft, strict=True))
    return False
