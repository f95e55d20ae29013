"""String formats that schemas may ask for; a format that is not here is not checked.

Called by `check`. Turns a format's name into a test of a text.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/validation/formats.go, k8s.io/kube-openapi/pkg/validation/strfmt.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import ipaddress
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from wherry.rules.custom.pattern import matches
from wherry.rules.objects.names import dns1123_label, dns1123_subdomain

_HOST = r"^([a-zA-Z0-9¡-￿]((-?[a-zA-Z0-9¡-￿]{0,62})?[a-zA-Z0-9¡-￿])?)(\.([a-zA-Z0-9¡-￿](-?[a-zA-Z0-9¡-￿]{0,62})?))*\.?$"
_EMAIL = r"^[^@\s<>]+@[^@\s<>]+$"
_MAC = r"^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$"
_DATE_TIME = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})?$"
_UNITS = r"ns|us|µs|μs|ms|s|m|h|d|w|nano\w*|micro\w*|milli\w*|sec\w*|min\w*|hour\w*|hr\w*|day\w*|week\w*"
_DURATION = rf"^\s*[-+]?(\d+(\.\d*)?\s*({_UNITS})\s*)+$|^0$"
_HEX_COLOR = r"^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"
_RGB = r"^rgb\(\s*(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*(,\s*(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*){2}\)$"
_BSON = r"^[0-9a-fA-F]{24}$"
_SSN = r"^\d{3}[- ]?\d{2}[- ]?\d{4}$"
_UUID = r"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$"


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return test


def _uri(text: str) -> bool:
    """A request URI: absolute, or a path."""
    if any(c.isspace() or ord(c) < 0x20 for c in text):
        return False
    try:
        return text.startswith("/") or bool(urlsplit(text).scheme)
    except ValueError:
        return False


def _cidr(text: str) -> bool:
    return "/" in text and _parses(lambda t: ipaddress.ip_network(t, strict=False))(text)


def _uuid(version: int | None) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        if not matches(_UUID, text):
            return False
        digits = text.replace("-", "").lower()
        return version is None or (digits[12] == str(version) and digits[16] in "89ab")

    return test


def _base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _date_time(text: str) -> bool:
    if not matches(_DATE_TIME, text):
        return False
    return _parses(datetime.date.fromisoformat)(text[:10])


def _digits(text: str) -> list[int]:
    return [10 if c in "Xx" else int(c) for c in text if c.isdigit() or c in "Xx"]


def _isbn10(text: str) -> bool:
    digits = _digits(text)
    return len(digits) == 10 and sum((10 - i) * d for i, d in enumerate(digits)) % 11 == 0


def _isbn13(text: str) -> bool:
    digits = _digits(text)
    return len(digits) == 13 and sum((3 if i % 2 else 1) * d for i, d in enumerate(digits)) % 10 == 0


def _credit_card(text: str) -> bool:
    digits = [int(c) for c in text if c.isdigit()]
    if not 12 <= len(digits) <= 19:
        return False
    doubled = (d * 2 - 9 if d > 4 else d * 2 for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _ipv6(text: str) -> bool:
    return ":" in text and _parses(ipaddress.IPv6Address)(text)


def _matching(pattern: str) -> Callable[[str], bool]:
    return lambda text: matches(pattern, text)


FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _matching(_BSON),
    "uri": _uri,
    "email": _matching(_EMAIL),
    "hostname": lambda text: len(text) <= 255 and matches(_HOST, text),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _ipv6,
    "cidr": _cidr,
    "mac": _matching(_MAC),
    "uuid": _uuid(None),
    "uuid3": _uuid(3),
    "uuid4": _uuid(4),
    "uuid5": _uuid(5),
    "isbn": lambda text: _isbn10(text) or _isbn13(text),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": _credit_card,
    "ssn": _matching(_SSN),
    "hexcolor": _matching(_HEX_COLOR),
    "rgbcolor": _matching(_RGB),
    "byte": _base64,
    "password": lambda text: True,
    "date": _parses(datetime.date.fromisoformat),
    "duration": _matching(_DURATION),
    "datetime": _date_time,
    "date-time": _date_time,
    "k8s-short-name": lambda text: not dns1123_label(text),
    "k8s-long-name": lambda text: not dns1123_subdomain(text),
}
#: formats of numbers, by their type
_OF_NUMBERS = {"integer": ("int32", "int64"), "number": ("float", "double")}
_NAMES = {name.replace("-", ""): name for name in FORMATS}


def recognised(schema: Mapping[str, Any]) -> str:
    """The format that values of a schema are held to, as FORMATS or numbers name it; "" for none. Dashes in a name do not count."""
    type_, name = schema.get("type") or "", schema.get("format") or ""
    if type_ in ("", "string"):
        return _NAMES.get(name.replace("-", ""), "")
    return name if name in _OF_NUMBERS.get(type_, ()) else ""
