"""Where a JSON text is malformed, in the words of Go's scanner.

Called only for texts that a fast reader refused. Turns bytes into the message that the reference answers with.
Source: the documented SyntaxError texts of Go's encoding/json (scanner states and their contexts).
"""

from __future__ import annotations

import re

END = "unexpected end of JSON input"
_SPACE = re.compile(rb"[ \t\r\n]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_DIGITS = re.compile(rb"[0-9]*")
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_HEX = frozenset(b"0123456789abcdefABCDEF")


class _Fault(Exception):
    """The text is malformed here; args[0] is the message."""


def fault(content: bytes) -> str:
    """The message for a malformed text; "" for a well-formed one."""
    scanner = _Scanner(content)
    try:
        scanner.text()
    except _Fault as found:
        return str(found)
    return ""


class _Scanner:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def text(self) -> None:
        """One value and nothing after it. Open containers are kept on a list: depth must not exhaust the stack."""
        open_: list[int] = []
        complete = self._value(open_)
        while open_ or not complete:
            complete = self._after_value(open_) if complete else self._value(open_)
        self._skip()
        if self.at < len(self.content):
            raise self._bad("after top-level value")

    def _value(self, open_: list[int]) -> bool:
        """Reads a scalar, an empty container, or the opening of one; True when the value is complete."""
        char = self._next()
        if char in b"{[":
            return self._open(char, open_)
        if char == ord('"'):
            self._string()
        elif char in b"-0123456789":
            self._number(char)
        elif char in _LITERALS:
            self._literal(_LITERALS[char])
        else:
            self.at -= 1
            raise self._bad("looking for beginning of value")
        return True

    def _open(self, char: int, open_: list[int]) -> bool:
        self._skip()
        if self.content[self.at : self.at + 1] == (b"}" if char == ord("{") else b"]"):
            self.at += 1
            return True
        open_.append(char)
        if char == ord("{"):
            self._key()
        return False

    def _after_value(self, open_: list[int]) -> bool:
        """After a value in a container: True when the container ended there, False when another value follows."""
        is_object = open_[-1] == ord("{")
        char = self._next()
        if char == (ord("}") if is_object else ord("]")):
            open_.pop()
            return True
        if char != ord(","):
            self.at -= 1
            raise self._bad("after object key:value pair" if is_object else "after array element")
        if is_object:
            self._key()
        return False

    def _key(self) -> None:
        if self._next() != ord('"'):
            self.at -= 1
            raise self._bad("looking for beginning of object key string")
        self._string()
        if self._next() != ord(":"):
            self.at -= 1
            raise self._bad("after object key")

    def _string(self) -> None:
        while True:
            self.at = _PLAIN.match(self.content, self.at).end()  # type: ignore[union-attr]
            char = self._byte()
            if char == ord('"'):
                return
            if char != ord("\\"):
                self.at -= 1
                raise self._bad("in string literal")
            self._escape()

    def _escape(self) -> None:
        char = self._byte()
        if char in b'bfnrt\\/"':
            return
        if char != ord("u"):
            self.at -= 1
            raise self._bad("in string escape code")
        for _ in range(4):
            if self._byte() not in _HEX:
                self.at -= 1
                raise self._bad("in \\u hexadecimal character escape")

    def _number(self, char: int) -> None:
        if char == ord("-"):
            char = self._byte()
            if char not in b"0123456789":
                self.at -= 1
                raise self._bad("in numeric literal")
        if char != ord("0"):
            self._digits()
        if self.content[self.at : self.at + 1] == b".":
            self.at += 1
            self._some_digits("after decimal point in numeric literal")
        if self.content[self.at : self.at + 1] in (b"e", b"E"):
            self.at += 1
            if self.content[self.at : self.at + 1] in (b"+", b"-"):
                self.at += 1
            self._some_digits("in exponent of numeric literal")

    def _some_digits(self, context: str) -> None:
        if self._byte() not in b"0123456789":
            self.at -= 1
            raise self._bad(context)
        self._digits()

    def _digits(self) -> None:
        self.at = _DIGITS.match(self.content, self.at).end()  # type: ignore[union-attr]

    def _literal(self, word: bytes) -> None:
        for expected in word[1:]:
            if self._byte() != expected:
                self.at -= 1
                raise self._bad(f"in literal {word.decode()} (expecting {_quote(expected)})")

    def _skip(self) -> None:
        self.at = _SPACE.match(self.content, self.at).end()  # type: ignore[union-attr]

    def _next(self) -> int:
        self._skip()
        return self._byte()

    def _byte(self) -> int:
        if self.at >= len(self.content):
            raise _Fault(END)
        self.at += 1
        return self.content[self.at - 1]

    def _bad(self, context: str) -> _Fault:
        return _Fault(f"invalid character {_quote(self.content[self.at])} {context}")


def _quote(char: int) -> str:
    """A byte as Go quotes it in these messages."""
    special = {ord("'"): r"'\''", ord('"'): "'\"'", ord("\n"): r"'\n'", ord("\t"): r"'\t'", ord("\r"): r"'\r'", ord("\\"): r"'\\'"}
    if char in special:
        return special[char]
    if char < 0x20 or char == 0x7F:
        return f"'\\x{char:02x}'"
    return f"'{chr(char)}'"
