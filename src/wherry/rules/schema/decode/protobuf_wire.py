"""The protobuf wire format: numbers, lengths, and how to step over what is not known.

Called by the readers of messages. Turns positions in a body into values and the positions after them. Invariants: nothing beyond `end`
is read; what is malformed raises `Malformed` with the message of the reference's generated code; every step moves forward.
Source: https://protobuf.dev/programming-guides/encoding/; the `Unmarshal` functions of staging/src/k8s.io/api (generated.pb.go).
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, LENGTH, START_GROUP, END_GROUP, FIXED32 = range(6)
_OVERFLOW = "proto: integer overflow"
_NEGATIVE = "proto: negative length found during unmarshaling"
_END = "unexpected EOF"


class Malformed(ValueError):
    """The bytes are no message of the expected kind; str() is the reference's message."""


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned 64-bit number and the position after it."""
    if at < end and data[at] < 0x80:  # most are one byte
        return data[at], at + 1
    value = shift = 0
    while True:
        if shift >= 64:
            raise Malformed(_OVERFLOW)
        if at >= end:
            raise Malformed(_END)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7


def span(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where a length-delimited value begins and ends."""
    length, at = varint(data, at, end)
    stop = at + length
    if stop > end:
        raise Malformed(_NEGATIVE if stop >= 1 << 63 else _END)
    return at, stop


def fixed(at: int, end: int, size: int) -> int:
    """The position after a value of `size` bytes."""
    if at + size > end:
        raise Malformed(_END)
    return at + size


def skip(data: bytes, at: int, end: int, wire: int) -> int:
    """The position after a value whose tag has been read; groups may contain groups."""
    depth = 0
    while True:
        if wire == VARINT:
            at = varint(data, at, end)[1]
        elif wire == FIXED64:
            at = fixed(at, end, 8)
        elif wire == LENGTH:
            at = span(data, at, end)[1]
        elif wire == START_GROUP:
            depth += 1
        elif wire == END_GROUP:
            if not depth:
                raise Malformed("proto: unexpected end of group")
            depth -= 1
        elif wire == FIXED32:
            at = fixed(at, end, 4)
        else:
            raise Malformed(f"proto: illegal wireType {wire}")
        if not depth:
            return at
        tag, at = varint(data, at, end)
        wire = tag & 7


def check_tag(tag: int, message: str) -> None:
    """Raises Malformed for a tag that no field may have."""
    number = tag >> 3 & 0xFFFF_FFFF
    if tag & 7 == END_GROUP:
        raise Malformed(f"proto: {message}: wiretype end group for non-group")
    if not 0 < number < 1 << 31:
        signed = number - (1 << 32) if number >> 31 else number
        raise Malformed(f"proto: {message}: illegal tag {signed} (wire type {tag})")


def wrong_type(tag: int, field: str) -> Malformed:
    """A known field with a value of another wire type; `field` is its JSON name (the reference says the Go name)."""
    return Malformed(f"proto: wrong wireType = {tag & 7} for field {field[:1].upper()}{field[1:]}")


def fields(data: bytes, message: str, known: dict[int, str]) -> Iterator[tuple[str, int | bytes]]:
    """(name, value) of the known fields of a small message that is read by hand. `known`: tag -> name; all are varints or bytes."""
    at, end = 0, len(data)
    numbers = {tag >> 3: name for tag, name in known.items()}
    while at < end:
        tag, at = varint(data, at, end)
        name = known.get(tag)
        if name is None:
            check_tag(tag, message)
            if tag >> 3 in numbers:
                raise wrong_type(tag, numbers[tag >> 3])
            at = skip(data, at, end, tag & 7)
        elif tag & 7 == LENGTH:
            start, at = span(data, at, end)
            yield name, data[start:at]
        else:
            number, at = varint(data, at, end)
            yield name, number


def signed(number: int, bits: int) -> int:
    """Two's complement; what is too big loses its upper bits, as in Go."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def text(content: bytes) -> str:
    """A string; the format does not promise UTF-8, JSON does."""
    return content.decode("utf-8", "replace")
