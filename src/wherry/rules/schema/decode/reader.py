"""Request bodies as JSON values.

Called by the registry with what a client sent. Turns bytes and a media type into a value and the duplicate fields in it. Invariants: a
body is read once, by a reader in C; what is malformed comes back as a `fault`, for `decode` to refuse in the words of the kind it expects.
Source: k8s.io/apimachinery/pkg/runtime/serializer (json, protobuf), sigs.k8s.io/json, sigs.k8s.io/yaml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from wherry.api.errors import UnsupportedMediaType
from wherry.rules.schema.decode import depth, duplicates, json_as_yaml
from wherry.rules.texts import json_fault

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
#: half of a surrogate pair, escaped; whole pairs and escaped backslashes are taken out of the way by the first group
_LONE_SURROGATE = re.compile(rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_YAML_ERRORS = "yaml: unmarshal errors:\n"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A body's value, the fields it names twice (as strict errors, in the order of the body), and the body itself for messages."""

    value: Any
    duplicates: list[str] = field(default_factory=list)
    content: bytes = b""
    #: the value with every pair, when a JSON body names a field twice
    pairs: Any = None
    #: why the body cannot be read; then there is no value
    fault: str = ""
    #: a protobuf message that is still to be read, as what the path expects; `value` is its apiVersion and kind
    message: bytes | None = None


def media_type(content_type: str) -> str:
    """The media type without parameters; JSON when there is none."""
    return content_type.partition(";")[0].strip().lower() or JSON


def parse(content: bytes, content_type: str = JSON) -> Parsed:
    """Raises UnsupportedMediaType for what is neither JSON nor YAML nor protobuf."""
    kind = media_type(content_type)
    if kind == JSON:
        return _json(content)
    if kind == YAML:
        return _yaml(content)
    if kind == PROTOBUF:
        return _protobuf(content)
    raise unread(JSON, YAML, PROTOBUF)


def unread(*accepted: str) -> UnsupportedMediaType:
    """The refusal of a body's media type."""
    return UnsupportedMediaType(f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}")


def _json(content: bytes) -> Parsed:
    try:
        value = msgspec.json.decode(content)
    except RecursionError:
        return _json_fault(content, depth.FAULT)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _lenient(content)
    return _complete(content, value)


def _complete(content: bytes, value: Any) -> Parsed:
    if depth.too_deep(value, content):
        return _json_fault(content, depth.FAULT)
    if not duplicates.suspect(content, value):
        return Parsed(value, content=content)
    pairs = duplicates.read(content)
    listed = duplicates.listed(pairs)
    return Parsed(value, listed, content, pairs if listed else None)


def _lenient(content: bytes) -> Parsed:
    """What is no Unicode becomes U+FFFD, as in the reference; what is still malformed is told so."""
    if malformed := json_fault.fault(content):
        return _json_fault(content, malformed)
    unicode = repaired(content)
    try:
        return _complete(unicode, msgspec.json.decode(unicode))
    except RecursionError:
        return _json_fault(content, depth.FAULT)
    except msgspec.DecodeError as fault:
        return _json_fault(content, str(fault))


def repaired(content: bytes) -> bytes:
    """A JSON text in which what is no Unicode is U+FFFD."""
    return _LONE_SURROGATE.sub(lambda found: found[1] or b"\\ufffd", content.decode("utf-8", "replace").encode())


def _json_fault(content: bytes, text: str) -> Parsed:
    return Parsed(None, content=content, fault=f"couldn't get version/kind; json parse error: {text}")


def _yaml(content: bytes) -> Parsed:
    if (alike := json_as_yaml.read(content)) is not json_as_yaml.NOT_ALIKE:
        return Parsed(alike, content=content)
    from wherry.rules.schema.decode import yaml_text  # loading a YAML parser takes a while, and most clusters never see YAML

    try:
        value, twice = yaml_text.read(content)
    except yaml_text.YamlFault as fault:
        return Parsed(None, content=content, fault=str(fault))
    return Parsed(value, [_YAML_ERRORS + "\n".join(f"  {line}" for line in twice)] if twice else [], content)


def _protobuf(content: bytes) -> Parsed:
    from wherry.rules.schema.decode import protobuf  # few clients send it

    try:
        found = protobuf.envelope(content)
    except protobuf.Malformed as fault:
        return Parsed(None, content=content, fault=str(fault))
    return Parsed({"apiVersion": found.api_version, "kind": found.kind}, content=content, message=found.raw)


def warnings(strict_errors: list[str]) -> list[str]:
    """Strict errors as warnings: the lines of a YAML error one by one."""
    found: list[str] = []
    for error in strict_errors:
        if error.startswith(_YAML_ERRORS):
            found.extend(line.strip() for line in error.removeprefix(_YAML_ERRORS).split("\n"))
        else:
            found.append(error)
    return found
