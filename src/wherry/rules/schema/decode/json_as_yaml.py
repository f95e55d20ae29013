"""JSON where YAML is expected: read by the reader of JSON, ten times as fast, when both read it alike.

Called by `reader`: what clients apply is called YAML and is JSON nearly always. `read` gives the value that `yaml_text` would give, or
NOT_ALIKE for a text in which the two languages differ or that has a fault, whose message is YAML's. Invariant: never another value than
`yaml_text.read`.
Source: https://yaml.org/spec/1.1/ (escapes, simple keys, characters), go.yaml.in/yaml/v2 (numbers).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from wherry.rules.schema.decode import depth, duplicates

NOT_ALIKE = object()
#: YAML's readers take no longer keys
_MAX_KEY = 1000
#: YAML knows no surrogates, and forbids tabs and the delete character in some places
_OTHERWISE = (b"\\u", b"\t", b"\x7f")
#: a key and its colon stand in one line
_LATE_COLON = re.compile(rb"[\n\r]\s*:")


def read(content: bytes) -> Any:
    """The value, its keys sorted, or NOT_ALIKE."""
    if not content.startswith(b"{") or not content.isascii() or any(each in content for each in _OTHERWISE) or _LATE_COLON.search(content):
        return NOT_ALIKE
    try:
        value = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return NOT_ALIKE
    if depth.too_deep(value, content) or duplicates.suspect(content, value):
        return NOT_ALIKE
    return _sorted(value)


def _sorted(value: Any) -> Any:
    if type(value) is dict:
        made = {}
        for key in sorted(value):
            item = value[key]
            if len(key) > _MAX_KEY or (item := item if type(item) is str else _sorted(item)) is NOT_ALIKE:
                return NOT_ALIKE
            made[key] = item
        return made
    if type(value) is list:
        items = [item if type(item) is str else _sorted(item) for item in value]
        return NOT_ALIKE if any(item is NOT_ALIKE for item in items) else items
    return NOT_ALIKE if type(value) is float or (type(value) is int and not -(2**63) <= value < 2**64) else value
