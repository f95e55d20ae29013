"""Literals of CEL: numbers within 64 bits, strings and bytes with their escapes.

Called by the parser with the text of one token. Source of the rule: https://github.com/google/cel-spec/blob/master/doc/langdef.md#string-and-bytes-values
"""

from __future__ import annotations

import re

from wherry.rules.cel.values import UInt

INT_MIN, INT_MAX, UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"} | {c: c for c in "\\'\"`?"}


def integer(text: str) -> int:
    """Raises ValueError outside of 64 bits; a leading minus belongs to the literal."""
    value = int(text, 16) if "x" in text else int(text)
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError("invalid int literal")
    return value


def unsigned(text: str) -> UInt:
    body = text[:-1]
    value = int(body, 16) if "x" in body else int(body)
    if value > UINT_MAX:
        raise ValueError("invalid uint literal")
    return UInt(value)


def string(text: str) -> str:
    raw = text[0] in "rR"
    body = _unquoted(text[1:] if raw else text)
    return body if raw else _ESCAPE.sub(lambda m: _character(m), body)


def octets(text: str) -> bytes:
    quote = min(i for i, c in enumerate(text) if c in "'\"")
    prefix, body = text[:quote].lower(), _unquoted(text[quote:])
    if "r" in prefix:
        return body.encode()
    out, last = bytearray(), 0
    for match in _ESCAPE.finditer(body):
        out += body[last : match.start()].encode()
        last = match.end()
        hexadecimal = match[1] or match[2]
        if match[3] or match[4]:
            raise ValueError("unable to unescape string")
        if hexadecimal:
            out.append(int(hexadecimal, 16))
        elif match[5]:
            out.append(int(match[5], 8))
        else:
            out += _character(match).encode()
    return bytes(out + body[last:].encode())


def _unquoted(text: str) -> str:
    size = 3 if text[:3] in ('"""', "'''") else 1
    return text[size:-size]


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3] or match[4]
    if code:
        point = int(code, 16)
        if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
            raise ValueError("unable to unescape string")
        return chr(point)
    if match[5]:
        return chr(int(match[5], 8))
    if match[6] not in _PLAIN:
        raise ValueError("unable to unescape string")
    return _PLAIN[match[6]]
