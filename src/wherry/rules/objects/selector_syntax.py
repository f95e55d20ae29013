"""The grammar of label selectors, and what a label key and value may be: text to (key, operator, values) terms.

Called by `wherry.rules.objects.selectors` alone. Faults carry the reference's texts.
Source: Lexer and Parser of k8s.io/apimachinery/pkg/labels/selector.go, pkg/api/validate/content.
"""

from __future__ import annotations

import re

import msgspec

Term = tuple[str, str, tuple[str, ...]]

_TOKEN = re.compile(r"[ \t\r\n]*(?:(?P<sign>!=|==|[=!(),<>])|(?P<word>[^=!(),<> \t\r\n]+)|$)")
_BINARY = {"in": "in", "notin": "notin", "=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt"}
_EXPECTED_OPERATOR = "in, notin, =, ==, !=, gt, lt"

_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME_RE, _VALUE_RE, _SUBDOMAIN_RE = re.compile(_NAME), re.compile(f"({_NAME})?"), re.compile(_SUBDOMAIN)
_NAME_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    f"alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({_NAME})?')"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
    f"alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)


class SyntaxFault(Exception):
    """The text is not a selector; the message is the reference's."""


def _prefix_faults(prefix: str) -> list[str]:
    if not prefix:
        return ["prefix part must be non-empty"]
    faults = ["prefix part must be no more than 253 bytes"] if len(prefix) > 253 else []
    return faults if _SUBDOMAIN_RE.fullmatch(prefix) else [*faults, f"prefix part {_SUBDOMAIN_TEXT}"]


def _key_faults(key: str) -> list[str]:
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return [f"a valid label key {_NAME_TEXT} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    faults = _prefix_faults(prefix) if slash else []
    if not name:
        faults.append("name part must be non-empty")
    elif len(name.encode()) > 63:
        faults.append("name part must be no more than 63 bytes")
    return faults if _NAME_RE.fullmatch(name) else [*faults, f"name part {_NAME_TEXT}"]


def _value_faults(value: str) -> list[str]:
    faults = ["must be no more than 63 bytes"] if len(value.encode()) > 63 else []
    return faults if _VALUE_RE.fullmatch(value) else [*faults, _VALUE_TEXT]


def _invalid(value: str, faults: list[str]) -> list[str]:
    return [f"Invalid value: {msgspec.json.encode(value).decode()}: {'; '.join(faults)}"] if faults else []


def key_errors(key: str) -> list[str]:
    """At most one error: why `key` is no label key."""
    return _invalid(key, _key_faults(key))


def value_errors(value: str) -> list[str]:
    """At most one error: why `value` is no label value."""
    return _invalid(value, _value_faults(value))


def _scan(text: str) -> list[tuple[str, str]]:
    """Tokens as (kind, literal): kind is the sign itself, `word`, or `end`; a NUL byte ends the text as it does in the reference."""
    tokens, position = [], 0
    text = text.partition("\0")[0]
    while position < len(text):
        found = _TOKEN.match(text, position)
        assert found is not None  # every character is blank, sign or part of a word
        position = found.end()
        if found["sign"]:
            tokens.append((found["sign"], found["sign"]))
        elif found["word"]:
            tokens.append(("word", found["word"]))
    return [*tokens, ("end", "")]


class _Parser:
    """A cursor over the tokens. `in` and `notin` are words where a key or value stands, operators where an operator stands."""

    def __init__(self, text: str) -> None:
        self.tokens, self.at = _scan(text), 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[min(self.at, len(self.tokens) - 1)]

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def terms(self) -> list[Term]:
        terms: list[Term] = []
        while True:
            kind, literal = self.peek()
            if kind == "end":
                return terms
            if kind not in ("word", "!"):
                raise SyntaxFault(f"found '{literal}', expected: !, identifier, or 'end of string'")
            terms.append(self.requirement())
            kind, literal = self.take()
            if kind == "end":
                return terms
            if kind != ",":
                raise SyntaxFault(f"found '{literal}', expected: ',' or 'end of string'")
            kind, literal = self.peek()
            if kind not in ("word", "!"):
                raise SyntaxFault(f"found '{literal}', expected: identifier after ','")

    def requirement(self) -> Term:
        try:
            return self._requirement()
        except SyntaxFault as fault:
            raise SyntaxFault(f"unable to parse requirement: {fault}") from None

    def _requirement(self) -> Term:
        kind, key = self.take()
        absent = kind == "!"
        if absent:
            kind, key = self.take()
        if kind != "word":
            raise SyntaxFault(f"found '{key}', expected: identifier")
        for error in key_errors(key):
            raise SyntaxFault(f"<nil>: {error}")
        if absent:
            return key, "!", ()
        if self.peek()[0] in ("end", ","):
            return key, "exists", ()
        _, literal = self.take()
        if literal not in _BINARY:
            raise SyntaxFault(f"found '{literal}', expected: {_EXPECTED_OPERATOR}")
        values = self.values() if literal in ("in", "notin") else self.exact()
        return key, _BINARY[literal], values

    def exact(self) -> tuple[str, ...]:
        if self.peek()[0] in ("end", ","):
            return ("",)
        kind, literal = self.take()
        if kind != "word":
            raise SyntaxFault(f"found '{literal}', expected: identifier")
        return (literal,)

    def values(self) -> tuple[str, ...]:
        kind, literal = self.take()
        if kind != "(":
            raise SyntaxFault(f"found '{literal}' expected: '('")
        kind, literal = self.peek()
        if kind == ")":
            self.take()
            return ("",)
        if kind not in ("word", ","):
            raise SyntaxFault(f"found '{literal}', expected: ',', ')' or identifier")
        values = self.listed()
        self.take()
        return tuple(sorted(values))

    def listed(self) -> set[str]:
        """Words between commas up to `)`; nothing between two commas is the empty value."""
        values: set[str] = set()
        while True:
            kind, literal = self.take()
            following, text = self.peek()
            if kind == "word":
                values.add(literal)
                if following == ")":
                    return values
                if following != ",":
                    raise SyntaxFault(f"found '{text}', expected: ',' or ')'")
            elif kind == ",":
                if not values or following in (")", ","):
                    values.add("")
                if following == ")":
                    return values
            else:
                raise SyntaxFault(f"found '{literal}', expected: ',', or identifier")


def parse(text: str) -> list[Term]:
    """The terms of a selector, in the order written. Raises SyntaxFault."""
    return _Parser(text).terms()
