"""The words of CEL as cel-go's lexer cuts them, and what it says of characters that are none.

Called by `syntax`, only for texts that do not parse. A word that breaks off takes the character it breaks at with it.
Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax; ANTLR's documented way of skipping what it cannot read.
"""

from __future__ import annotations

import re
from typing import NamedTuple

EOF = "<EOF>"


class Token(NamedTuple):
    """`type` is the word itself, or the name of a class of words."""

    type: str
    text: str
    at: int


_WORDS = (
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":", "+", "*", "/", "%",
)  # fmt: skip
_KEYWORDS = ("in", "true", "false", "null")
_ESCAPE = r"\\(?:[abfnrtv\"'`\\?]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})"
_TEXTS = "|".join(
    (
        rf'"""(?:{_ESCAPE}|[^\\])*?"""', rf"'''(?:{_ESCAPE}|[^\\])*?'''", r'[rR]"""(?:.|\n)*?"""', r"[rR]'''(?:.|\n)*?'''",
        rf'"(?:{_ESCAPE}|[^\\"\n\r])*"', rf"'(?:{_ESCAPE}|[^\\'\n\r])*'", r'[rR]"[^"\n\r]*"', r"[rR]'[^'\n\r]*'",
    )
)  # fmt: skip
_CLASSES = (
    ("NUM_FLOAT", re.compile(r"[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?")),
    ("NUM_UINT", re.compile(r"(?:0x[0-9a-fA-F]+|[0-9]+)[uU]")),
    ("NUM_INT", re.compile(r"0x[0-9a-fA-F]+|[0-9]+")),
    ("BYTES", re.compile(rf"[bB](?:{_TEXTS})")),
    ("STRING", re.compile(_TEXTS)),
    ("IDENTIFIER", re.compile(r"[A-Za-z_][A-Za-z0-9_]*")),
    ("ESC_IDENTIFIER", re.compile(r"`[A-Za-z0-9_.\-/ ]+`")),
)
_SKIPPED = re.compile(r"(?:[\t\n\f\r ]|//[^\n]*)+")
_BROKEN = {
    "=": re.compile("="), "&": re.compile("&"), "|": re.compile(r"\|"), "`": re.compile(r"`[A-Za-z0-9_.\-/ ]*"),
    '"': re.compile(rf'"(?:{_ESCAPE}|[^\\"\n\r])*\\?'), "'": re.compile(rf"'(?:{_ESCAPE}|[^\\'\n\r])*\\?"),
}  # fmt: skip

#: words in the order in which sets of them are shown
ORDER = (
    EOF, "==", "!=", "in", "<", "<=", ">=", ">", "&&", "||", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":", "+", "*", "/",
    "%", "true", "false", "null", "NUM_FLOAT", "NUM_INT", "NUM_UINT", "STRING", "BYTES", "IDENTIFIER", "ESC_IDENTIFIER",
)  # fmt: skip


def cut(source: str) -> tuple[list[Token], list[tuple[int, str]]]:
    """The words with the end after them, and (offset, message) of what is none."""
    found: list[Token] = []
    faults: list[tuple[int, str]] = []
    at = 0
    while at < len(source):
        if skipped := _SKIPPED.match(source, at):
            at = skipped.end()
        elif word := _word(source, at):
            found.append(word)
            at += len(word.text)
        else:
            end = _break(source, at)
            faults.append((at, f"Syntax error: token recognition error at: '{escaped(source[at : end + 1])}'"))
            at = end + 1
    return [*found, Token(EOF, EOF, len(source))], faults


def _word(source: str, at: int) -> Token | None:
    """The longest one; of equally long ones the first."""
    best: Token | None = None
    for name, pattern in _CLASSES:
        match = pattern.match(source, at)
        if match is not None and (best is None or len(match[0]) > len(best.text)):
            best = Token(name, match[0], at)
    if best is not None:
        return best._replace(type=best.text) if best.text in _KEYWORDS else best
    return next((Token(word, word, at) for word in _WORDS if source.startswith(word, at)), None)


def _break(source: str, at: int) -> int:
    """Where a word that begins here breaks off."""
    pattern = _BROKEN.get(source[at])
    match = pattern.match(source, at) if pattern is not None else None
    return at if match is None else match.end()


def escaped(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
