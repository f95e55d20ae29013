"""Regular expressions of schemas, in the syntax of RE2, which is that of the reference.

Called by `check` and by the validation of definitions. A match takes time in proportion to the text, whatever the pattern.
Source: https://pkg.go.dev/regexp/syntax.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

#: what the library says otherwise than the reference's
_WORDS = {
    "no argument for repetition operator": "missing argument to repetition operator",
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
}


@lru_cache(maxsize=2048)
def compiled(pattern: str) -> Any:
    """Raises ValueError for a pattern that is none."""
    import re2  # type: ignore[import-untyped]  # loading it takes a while, and most schemas have no pattern

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
        what, _, where = text.partition(": ")
        raise ValueError(f"error parsing regexp: {_WORDS.get(what, what)}: `{where or pattern}`") from None


def matches(pattern: str, text: str) -> bool:
    """Somewhere in the text. Raises ValueError."""
    return compiled(pattern).search(text) is not None
