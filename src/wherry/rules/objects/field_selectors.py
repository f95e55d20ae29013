"""Field selectors: `metadata.name=x,status.phase!=Running` to a value that says whether an object matches.

The registry calls `parse` with the query parameter of lists and watches, then `check` with what the kind supports.
Source: k8s.io/apimachinery/pkg/fields/selector.go; error texts are theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec

from wherry.api.errors import BadRequest

#: every kind supports these; a kind that supports nothing else says so in its own words
COMMON = ("metadata.name", "metadata.namespace")

_TERMS = re.compile(r"(?:\\.|[^\\,])*\\?(?=,|$)", re.DOTALL)
_OPERATOR = re.compile(r"!=|==|=")


class Term(NamedTuple):
    """`op` is `=` or `!=`."""

    path: str
    op: str
    value: str

    def __str__(self) -> str:
        return self.path + self.op + re.sub(r"([\\,=])", r"\\\1", self.value)


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All terms must hold; none at all matches everything."""

    terms: tuple[Term, ...]

    def matches(self, lookup: Callable[[str], str]) -> bool:
        """`lookup` gives the text of a field, "" when there is none."""
        return all((lookup(path) == value) is (op == "=") for path, op, value in self.terms)

    def exact(self, path: str) -> str | None:
        """The one value that the field must have, if there is one."""
        return next((t.value for t in self.terms if t.path == path and t.op == "="), None)

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))


EVERYTHING = FieldSelector(())


def _split(text: str) -> list[str]:
    """Parts between commas; a backslash keeps the character after it."""
    parts, position = [], 0
    while position <= len(text):
        found = _TERMS.match(text, position)
        assert found is not None  # the pattern matches the empty text before a comma or the end
        parts.append(found[0])
        position = found.end() + 1
    return parts


def _unescape(text: str) -> str:
    out, characters = [], iter(text)
    for c in characters:
        if c == "\\":
            escaped = next(characters, "")
            if not escaped or escaped not in "\\,=":
                raise BadRequest(f"invalid field selector: invalid escape sequence: \\{escaped}")
            out.append(escaped)
        elif c in ",=":
            raise BadRequest(f"invalid field selector: unescaped character in value: {ord(c)}")
        else:
            out.append(c)
    return "".join(out)


@lru_cache(maxsize=4096)
def parse(text: str) -> FieldSelector:
    """The selector that `text` says. Raises BadRequest."""
    terms = []
    for part in sorted(p for p in _split(text) if p):
        found = _OPERATOR.search(part)
        if found is None:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{part}'")
        terms.append(Term(part[: found.start()], "!=" if found[0] == "!=" else "=", _unescape(part[found.end() :])))
    return FieldSelector(tuple(terms))


def check(selector: FieldSelector, supported: Collection[str], subject: str = "", *, custom: bool = False) -> None:
    """Raise BadRequest when a term names a field that is not supported.

    `supported`: all supported fields. `subject`: what the kind's own conversion adds to the message (`ResourceSlice` is one that does).
    `custom`: of a custom kind, whose refusal is the short one.
    """
    for term in selector.terms:
        if term.path in supported:
            continue
        if set(supported) <= set(COMMON) and not custom:
            path = msgspec.json.encode(term.path).decode()
            raise BadRequest(f'{path} is not a known field selector: only "metadata.name", "metadata.namespace"')
        raise BadRequest(f"field label not supported{f' for {subject}' if subject else ''}: {term.path}")
