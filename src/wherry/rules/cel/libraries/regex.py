"""Regular expressions in RE2's syntax and in linear time: `matches`, `find`, `findAll`.

re2 is imported with the first of them. Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-regex-library
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.library import Functions


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """Raises CelError, worded as Go's regexp words it as far as re2 tells."""
    import re2  # type: ignore[import-untyped]  # it has no stubs

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise CelError(f"error parsing regexp: {why}") from None


def _find(text: str, pattern: str) -> str:
    found = compiled(pattern).search(text)
    return str(found.group(0)) if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found: list[str] = []
    for match in compiled(pattern).finditer(text):
        if 0 <= limit <= len(found):
            break
        found.append(match.group(0))
    return found


def _cost(text: str, pattern: str, limit: int = -1) -> int:
    return (len(text) // 10 + 1) * (len(pattern) // 4 + 1)


def declare(known: Functions) -> None:
    known.declare("string.matches(string): bool", lambda t, p: compiled(p).search(t) is not None, cost=_cost)
    known.declare("@@matches(string, string): bool", lambda t, p: compiled(p).search(t) is not None, cost=_cost)
    known.declare("string.find(string): string", _find, cost=_cost)
    known.declare("string.findAll(string): list(string)", _find_all, cost=_cost)
    known.declare("string.findAll(string, int): list(string)", _find_all, cost=_cost)
