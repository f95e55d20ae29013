"""What is wrong with a text that is not JSON, in the words of Go's encoding/json: messages of the reference contain them.

Called only after decoding failed, so it need not be fast: it walks the text and names the first character that cannot stand where it is.
Source: encoding/json scanner.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_BLANK = " \t\r\n"
_HEX = "0123456789abcdefABCDEF"
_STRING_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')


class _Wrong(Exception):
    """The message is complete."""


class _Walk:
    """A cursor over the text; every method reads one piece of grammar or raises _Wrong."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def peek(self) -> str:
        """The next character; the end of the text is an error here."""
        if self.at >= len(self.text):
            raise _Wrong("unexpected end of JSON input")
        return self.text[self.at]

    def fail(self, context: str) -> _Wrong:
        return _Wrong(f"invalid character {_quoted(self.peek())} {context}")

    def blank(self) -> str:
        while self.at < len(self.text) and self.text[self.at] in _BLANK:
            self.at += 1
        return self.peek()

    def value(self) -> None:
        first = self.blank()
        if first == "{":
            self.container("}", self.member, "after object key:value pair", "looking for beginning of object key string")
        elif first == "[":
            self.container("]", self.value, "after array element", "")
        elif first == '"':
            self.string()
        elif first == "-" or first.isdecimal():
            self.number()
        elif first in "tfn":
            self.literal({"t": "true", "f": "false", "n": "null"}[first])
        else:
            raise self.fail("looking for beginning of value")

    def container(self, end: str, element: Callable[[], None], after: str, opening: str) -> None:
        self.at += 1
        if self.blank() == end:
            self.at += 1
            return
        while True:
            if opening and self.blank() != '"':
                raise self.fail(opening)
            element()
            following = self.blank()
            if following not in (",", end):
                raise self.fail(after)
            self.at += 1
            if following == end:
                return

    def member(self) -> None:
        self.string()
        if self.blank() != ":":
            raise self.fail("after object key")
        self.at += 1
        self.value()

    def string(self) -> None:
        self.at += 1
        while True:
            found = _STRING_PLAIN.match(self.text, self.at)
            self.at = found.end() if found else self.at
            character = self.peek()
            if character == '"':
                self.at += 1
                return
            if character != "\\":
                raise self.fail("in string literal")
            self.at += 1
            self.escape()

    def escape(self) -> None:
        character = self.peek()
        if character not in 'bfnrt\\/"u':
            raise self.fail("in string escape code")
        self.at += 1
        for _ in range(4 if character == "u" else 0):
            if self.peek() not in _HEX:
                raise self.fail("in \\u hexadecimal character escape")
            self.at += 1

    def digits(self, context: str) -> None:
        if not self.peek().isdecimal():
            raise self.fail(context)
        while self.at < len(self.text) and self.text[self.at].isdecimal():
            self.at += 1

    def number(self) -> None:
        if self.peek() == "-":
            self.at += 1
        if self.peek() == "0":
            self.at += 1
        else:
            self.digits("in numeric literal")
        if self.text[self.at : self.at + 1] == ".":
            self.at += 1
            self.digits("after decimal point in numeric literal")
        if self.text[self.at : self.at + 1] in ("e", "E"):
            self.at += 1
            if self.peek() in "+-":
                self.at += 1
            self.digits("in exponent of numeric literal")

    def literal(self, word: str) -> None:
        for expected in word:
            if self.peek() != expected:
                raise self.fail(f"in literal {word} (expecting '{expected}')")
            self.at += 1

    def document(self) -> None:
        self.value()
        if self.text[self.at :].strip(_BLANK):
            self.blank()
            raise self.fail("after top-level value")


def _quoted(character: str) -> str:
    if character == "'":
        return r"'\''"
    if character == '"':
        return "'\"'"
    if character.isprintable():
        return f"'{character}'"
    return f"'{character.encode('unicode_escape').decode()}'"


def problem(content: bytes) -> str | None:
    """The message, or None for a text that is JSON."""
    walk = _Walk(content.decode("utf-8", "replace"))
    try:
        walk.document()
    except _Wrong as wrong:
        return str(wrong)
    return None
