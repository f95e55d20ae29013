"""Strings: `charAt`, `indexOf`, `split`, `join`, `format`, ... (cel-go's string extension, version 2).

Positions count characters. Source of the rule: https://pkg.go.dev/github.com/google/cel-go/ext#Strings
"""

from __future__ import annotations

from typing import Any

from wherry.rules.cel.errors import NO_OVERLOAD, CelError
from wherry.rules.cel.library import Functions

#: what `trim` removes: Unicode white space
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_LOWER = {c: c + 32 for c in range(65, 91)}
_UPPER = {c: c - 32 for c in range(97, 123)}
_QUOTES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"'}


def _out_of_range(at: int) -> CelError:
    return CelError(f"index out of range: {at}")


def _char_at(text: str, at: int) -> str:
    if not 0 <= at <= len(text):
        raise _out_of_range(at)
    return text[at : at + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    if not part:
        return start
    if not 0 <= start < len(text):
        if start == 0 and not text:
            return -1
        raise _out_of_range(start)
    return text.find(part, start)


def _last_index_of(text: str, part: str, start: int | None = None) -> int:
    if start is None:
        return text.rfind(part) if part else len(text)
    if not part:
        return start
    if not 0 <= start < len(text):
        raise _out_of_range(start)
    return text.rfind(part, 0, start + len(part))


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    return text.replace(old, new, count if count >= 0 else -1)


def _replace_cost(text: str, old: str, new: str, count: int = -1) -> int:
    times = text.count(old) if old else len(text) + 1
    return (len(text) + times * len(new)) // 10 + 1


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    characters = list(text)
    if 0 < count < len(characters):
        return [*characters[: count - 1], "".join(characters[count - 1 :])]
    return characters


def _substring(text: str, start: int, end: int | None = None) -> str:
    if end is None:
        if not 0 <= start <= len(text):
            raise _out_of_range(start)
        return text[start:]
    if start > end:
        raise CelError(f"invalid substring range. start: {start}, end: {end}")
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    if not 0 <= end <= len(text):
        raise _out_of_range(end)
    return text[start:end]


def _join(items: list[Any], separator: str = "") -> str:
    if any(type(item) is not str for item in items):
        raise CelError(NO_OVERLOAD)
    return separator.join(items)


def _join_cost(items: list[Any], separator: str = "") -> int:
    return sum(len(i) if type(i) is str else 1 for i in items) // 10 + len(items) * (len(separator) // 10 + 1)


def _quote(text: str) -> str:
    return '"' + "".join(_QUOTES.get(c, c) for c in text) + '"'


def _format(text: str, args: list[Any]) -> str:
    from wherry.rules.cel.libraries.formatting import formatted

    return formatted(text, args)


def _format_cost(text: str, args: list[Any]) -> int:
    from wherry.rules.cel.libraries.standard import size_cost

    return len(text) // 10 + sum(map(size_cost, args)) + 1


def _product(a: str, b: str, *rest: Any) -> int:
    return len(a) // 10 * (len(b) // 10 + 1) + 1


def declare(known: Functions) -> None:
    d = known.declare
    d("string.charAt(int): string", _char_at, cost=lambda t, i: 1)
    for name, run in (("indexOf", _index_of), ("lastIndexOf", _last_index_of)):
        d(f"string.{name}(string): int", run, cost=_product)
        d(f"string.{name}(string, int): int", run, cost=_product)
    d("string.lowerAscii(): string", lambda t: t.translate(_LOWER))
    d("string.upperAscii(): string", lambda t: t.translate(_UPPER))
    d("string.replace(string, string): string", _replace, cost=_replace_cost)
    d("string.replace(string, string, int): string", _replace, cost=_replace_cost)
    d("string.split(string): list(string)", _split)
    d("string.split(string, int): list(string)", _split)
    d("string.substring(int): string", _substring)
    d("string.substring(int, int): string", _substring)
    d("string.trim(): string", lambda t: t.strip(_SPACE))
    d("list(string).join(): string", _join, cost=_join_cost)
    d("list(string).join(string): string", _join, cost=_join_cost)
    d("string.format(list(dyn)): string", _format, cost=_format_cost)
    d("@@strings.quote(string): string", _quote)
    d("@@jsonpatch.escapeKey(string): string", lambda t: t.replace("~", "~0").replace("/", "~1"))
