"""JSONPath templates to nodes: `{.items[?(@.a=="b")].name}{"\\n"}`, in the dialect of kubectl.

Called by `find`. Raises JsonPathError with the reference's words.
Source: client-go util/jsonpath/parser.go.
"""

from __future__ import annotations

import re

from wherry.rules.texts.jsonpath.nodes import (
    Action,
    Field,
    Filter,
    JsonPathError,
    Literal,
    Recursive,
    Slice,
    Step,
    Template,
    Union,
    Wildcard,
    Word,
)

_DICT_KEY = re.compile(r"'([^']*)'")
_SLICE = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?")
_COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+?)", re.DOTALL)
_TERMINATORS = " \t\r\n.,[]$@{}"
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}


def parse(text: str) -> Template:
    """The whole template."""
    return _Parser(text).template()


def _action(text: str) -> Action:
    """What stands between braces, without them."""
    first = parse("{" + text + "}")[0]
    assert isinstance(first, Action)
    return first


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def template(self) -> Template:
        found: list[Literal | Action] = []
        while self._at < len(self._text):
            brace = self._text.find("{", self._at)
            if brace != self._at:
                stop = len(self._text) if brace < 0 else brace
                found.append(Literal(self._text[self._at : stop]))
                self._at = stop
                continue
            self._at += 1
            found.append(self._steps())
        return tuple(found)

    def _steps(self) -> Action:
        steps: list[Step] = []
        while True:
            rest = self._text[self._at :]
            if rest.startswith("}"):
                self._at += 1
                return Action(tuple(steps))
            if rest.startswith("[?("):
                steps.append(self._filter())
            elif rest.startswith(".."):
                self._recursive(steps)
            else:
                self._step(steps)

    def _step(self, steps: list[Step]) -> None:
        character = self._next()
        if character in ("", "\r", "\n"):
            raise JsonPathError("unclosed action")
        if character in " @$":
            return
        if character == "[":
            self._array(steps)
        elif character in "\"'":
            steps.append(self._quoted(character))
        elif character == ".":
            steps.append(self._field())
        elif character in "+-" or character.isdecimal():
            self._at -= 1
            steps.append(self._number())
        elif character == "_" or character.isalpha():
            self._at -= 1
            steps.append(self._word())
        else:
            raise JsonPathError(f"unrecognized character in action: U+{ord(character):04X} '{character}'")

    def _next(self) -> str:
        character = self._text[self._at : self._at + 1]
        self._at += 1
        return character

    def _until_terminator(self) -> str:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in _TERMINATORS:
            self._at += 2 if self._text[self._at] == "\\" else 1
        self._at = min(self._at, len(self._text))
        return self._text[start : self._at]

    def _word(self) -> Step:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in _TERMINATORS:
            self._at += 1
        word = self._text[start : self._at]
        return Literal(word == "true") if word in ("true", "false") else Word(word)

    def _recursive(self, steps: list[Step]) -> None:
        if steps and isinstance(steps[-1], Recursive):
            raise JsonPathError("invalid multiple recursive descent")
        self._at += 2
        steps.append(Recursive())
        following = self._text[self._at : self._at + 1]
        if following == "_" or following.isalnum():
            steps.append(self._field())

    def _field(self) -> Step:
        name = self._until_terminator()
        return Wildcard() if name == "*" else Field(name.replace("\\", ""))

    def _number(self) -> Step:
        found = re.compile(r"[+-]?[\d.]*").match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        for read in (int, float):
            try:
                return Literal(read(found.group()))
            except ValueError:
                continue
        raise JsonPathError(f"cannot parse number {found.group()}")

    def _quoted(self, quote: str) -> Step:
        start = self._at - 1
        while True:
            character = self._next()
            if character in ("", "\n"):
                raise JsonPathError("unterminated quoted string")
            if character == quote and self._text[self._at - 2] != "\\":
                return Literal(_unquoted(self._text[start : self._at]))

    def _array(self, steps: list[Step]) -> None:
        stop = self._text.find("]", self._at)
        if stop < 0 or "\n" in self._text[self._at : stop]:
            raise JsonPathError("unterminated array")
        inside = self._text[self._at : stop]
        self._at = stop + 1
        inside = ":" if inside == "*" else inside
        if "," in inside:
            steps.append(Union(tuple(_action(f"[{part.strip(' ')}]") for part in inside.split(","))))
        elif key := _DICT_KEY.fullmatch(inside):
            steps.extend(_action(f".{key.group(1)}").steps)
        else:
            steps.append(_slice(inside))

    def _filter(self) -> Step:
        self._at += 3
        start, quote, closed = self._at, "", False
        while True:
            character = self._next()
            if character in ("", "\n"):
                raise JsonPathError("unterminated filter")
            if character in "\"'":
                if not quote:
                    quote = character
                elif character == quote and self._text[self._at - 2] != "\\":
                    closed = True
            elif character == ")" and bool(quote) == closed:
                break
        inside = self._text[start : self._at - 1]
        if self._next() != "]":
            raise JsonPathError("unclosed array expect ]")
        compared = _COMPARISON.fullmatch(inside)
        if compared is None:
            return Filter(_action(inside), "exists", Action(()))
        return Filter(_action(compared.group(1)), compared.group(2), _action(compared.group(3)))


def _slice(inside: str) -> Slice:
    found = _SLICE.fullmatch(inside)
    if found is None:
        raise JsonPathError(f"invalid array index {inside}")
    start, stop, step = found.groups()
    first = _integer(start)
    if not stop:
        return Slice(first, (first or 0) + 1, _integer((step or ":")[1:]), derived=True)
    return Slice(first, _integer(stop[1:]), _integer((step or ":")[1:]))


def _integer(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise JsonPathError(f"array index {text} is not a number") from None


def _unquoted(text: str) -> str:
    """Without quotes and escapes, as Go's strconv reads them; single quotes hold texts too."""
    inside = text[1:-1]
    if "\\" not in inside:
        return inside
    out, at = "", 0
    while at < len(inside):
        character = inside[at]
        if character != "\\":
            out, at = out + character, at + 1
            continue
        following = inside[at + 1 : at + 2]
        size = {"x": 2, "u": 4, "U": 8}.get(following, 0)
        if size:
            out += chr(int(inside[at + 2 : at + 2 + size], 16))
        elif following in _ESCAPES and following:
            out += _ESCAPES[following]
        else:
            raise JsonPathError(f"unquote string {text} error invalid syntax")
        at += 2 + size
    return out
