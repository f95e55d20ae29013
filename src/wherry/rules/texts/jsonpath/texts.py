"""JSON values as the reference's printers write them: whole objects as JSON, single values as Go's fmt does.

Called by JSONPath and by the printers of the command line.
Source: encoding/json (HTML characters are escaped, map keys sorted).
"""

from __future__ import annotations

import json
from typing import Any

from wherry.rules.texts.go_values import sprint

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def compact(value: Any) -> str:
    """JSON in one line."""
    return _html(json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False))


def indented(value: Any) -> str:
    """JSON, four spaces a level, without a final line feed."""
    return _html(json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False))


def _html(text: str) -> str:
    for character, written in _HTML.items():
        if character in text:
            text = text.replace(character, written)
    return text


def plain(value: Any) -> str:
    """A value as fmt.Sprint shows it: text as it is, numbers, `true`, `<nil>`, `map[a:1]`, `[x y]`."""
    return value if isinstance(value, str) else sprint(value)
