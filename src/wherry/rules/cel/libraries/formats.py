"""Named formats: `format.dns1123Label().validate("x")` gives nothing, or what is wrong.

Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-format-library
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.libraries.conversions import parse_timestamp
from wherry.rules.cel.libraries.urls import parse as parse_url
from wherry.rules.cel.library import Functions
from wherry.rules.cel.values import NOTHING, Maybe
from wherry.rules.objects import names

_UUID = re.compile(r"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$")
Validate = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Format:
    cel_type: ClassVar[str] = "kubernetes.NamedFormat"

    name: str
    validate: Validate


def _uri(text: str) -> list[str]:
    try:
        parse_url(text)
    except ValueError as error:
        return [str(error)]
    return []


def _uuid(text: str) -> list[str]:
    return [] if _UUID.match(text) else ["does not match the UUID format"]


def _byte(text: str) -> list[str]:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ["invalid base64"]
    return []


def _date(text: str) -> list[str]:
    try:
        date.fromisoformat(text if len(text) == 10 else "")
    except ValueError:
        return ["invalid date"]
    return []


def _datetime(text: str) -> list[str]:
    try:
        parse_timestamp(text)
    except CelError:
        return ["invalid datetime"]
    return []


def _prefix(rule: Validate) -> Validate:
    return lambda text: names.as_prefix(rule, text)


FORMATS = {
    name: Format(shown, rule)
    for name, shown, rule in (
        ("dns1123Label", "DNS1123Label", names.dns1123_label),
        ("dns1123Subdomain", "DNS1123Subdomain", names.dns1123_subdomain),
        ("dns1035Label", "DNS1035Label", names.dns1035_label),
        ("qualifiedName", "QualifiedName", names.qualified_name),
        ("dns1123LabelPrefix", "DNS1123LabelPrefix", _prefix(names.dns1123_label)),
        ("dns1123SubdomainPrefix", "DNS1123SubdomainPrefix", _prefix(names.dns1123_subdomain)),
        ("dns1035LabelPrefix", "DNS1035LabelPrefix", _prefix(names.dns1035_label)),
        ("labelValue", "LabelValue", names.label_value),
        ("uri", "URI", _uri),
        ("uuid", "uuid", _uuid),
        ("byte", "byte", _byte),
        ("date", "date", _date),
        ("datetime", "datetime", _datetime),
    )
}


def _named(name: str) -> Maybe:
    found = FORMATS.get(name)
    return NOTHING if found is None else Maybe(found)


def _validate(form: Format, text: str) -> Maybe:
    wrong = form.validate(text)
    return Maybe(wrong) if wrong else NOTHING


def declare(known: Functions) -> None:
    for name, form in FORMATS.items():
        known.declare(f"@@format.{name}(): kubernetes.NamedFormat", lambda form=form: form)
    known.declare("@@format.named(string): optional_type(kubernetes.NamedFormat)", _named)
    known.declare("<kubernetes.NamedFormat>.validate(string): optional_type(list(string))", _validate)
