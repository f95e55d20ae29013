"""ConfigMaps and Secrets: what is wrong with one, and with a change of an immutable one.

Called by the strategies. A Secret's data is base64 text here; what counts is what it stands for.
Source: pkg/apis/core/validation/validation.go ValidateConfigMap, ValidateSecret; KEP-1412 (immutable).
"""

from __future__ import annotations

import base64
import binascii
import json

from wherry.api.field import Errors, forbidden, invalid, key, required, too_long
from wherry.api.objects import Obj
from wherry.rules.objects.names import config_map_key, length
from wherry.rules.schema.validation.labels import annotations_of
from wherry.rules.schema.validation.metadata import IMMUTABLE

MAX_SIZE = 1024 * 1024
_LOCKED = "field is immutable when `immutable` is set"
_REDACTED = "<secret contents redacted>"
_ACCOUNT = "kubernetes.io/service-account.name"


def decoded(value: str | None) -> bytes:
    """The bytes of a base64 value; what is not base64 was refused when the body was decoded."""
    try:
        return base64.b64decode(value or "")
    except (binascii.Error, ValueError):
        return b""


def _decoded_length(value: str | None) -> int:
    text = value or ""
    return len(text) * 3 // 4 - text[-2:].count("=")


def validate_config_map(obj: Obj) -> Errors:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    errors: Errors = []
    for name in data:
        path = key("data", name)
        errors += [invalid(path, name, m) for m in config_map_key(name)]
        if name in binary:
            errors.append(invalid(path, name, "duplicate of key present in binaryData"))
    errors += [invalid(key("binaryData", name), name, m) for name in binary for m in config_map_key(name)]
    if sum(length(v or "") for v in data.values()) + sum(map(_decoded_length, binary.values())) > MAX_SIZE:
        errors.append(too_long("[]", MAX_SIZE))
    return errors


def validate_config_map_update(new: Obj, old: Obj) -> Errors:
    return _locked(new, old, ("data", "binaryData"))


def _locked(new: Obj, old: Obj, names: tuple[str, ...]) -> Errors:
    if not old.get("immutable"):
        return []
    errors: Errors = [] if new.get("immutable") else [forbidden("immutable", _LOCKED)]
    return errors + [forbidden(n, _LOCKED) for n in names if (new.get(n) or {}) != (old.get(n) or {})]


def validate_secret(obj: Obj) -> Errors:
    data = obj.get("data") or {}
    errors = [invalid(key("data", name), name, m) for name in data for m in config_map_key(name)]
    if sum(map(_decoded_length, data.values())) > MAX_SIZE:
        errors.append(too_long("data", MAX_SIZE))
    return errors + _by_type(obj, data)


def validate_secret_update(new: Obj, old: Obj) -> Errors:
    errors: Errors = []
    if new.get("type", "") != old.get("type", ""):
        errors.append(invalid("type", new.get("type", ""), IMMUTABLE))
    return errors + _locked(new, old, ("data",))


def _by_type(obj: Obj, data: Obj) -> Errors:
    match obj.get("type"):
        case "kubernetes.io/service-account-token":
            named = annotations_of(obj).get(_ACCOUNT)
            return [] if named else [required(key("metadata.annotations", _ACCOUNT))]
        case "kubernetes.io/dockercfg":
            return _json(data, ".dockercfg")
        case "kubernetes.io/dockerconfigjson":
            return _json(data, ".dockerconfigjson")
        case "kubernetes.io/basic-auth":
            return [] if "username" in data or "password" in data else _missing(data, "username", "password")
        case "kubernetes.io/ssh-auth":
            return [] if data.get("ssh-privatekey") else [required(key("data", "ssh-privatekey"))]
        case "kubernetes.io/tls":
            return _missing(data, "tls.crt", "tls.key")
        case _:
            return []


def _missing(data: Obj, *names: str) -> Errors:
    return [required(key("data", n)) for n in names if n not in data]


def _json(data: Obj, name: str) -> Errors:
    if name not in data:
        return [required(key("data", name))]
    why = _not_an_object(decoded(data[name]))
    return [invalid(key("data", name), _REDACTED, why)] if why else []


def _not_an_object(content: bytes) -> str:
    """Why the content is not a JSON object, in the words of Go's decoder, or ""."""
    try:
        value = json.loads(content)
    except UnicodeDecodeError:
        return "invalid character looking for beginning of value"
    except json.JSONDecodeError as error:
        if error.pos >= len(error.doc):
            return "unexpected end of JSON input"
        return f"invalid character {error.doc[error.pos]!r} looking for beginning of value"
    if value is None or isinstance(value, dict):
        return ""
    kind = {list: "array", str: "string", bool: "bool"}.get(type(value), "number")
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"


def secret_warnings(new: Obj, old: Obj | None) -> list[str]:
    """A TLS secret without PEM in it. The pair itself (does the key fit the certificate) is not checked."""
    if new.get("type") != "kubernetes.io/tls":
        return []
    data = new.get("data") or {}
    for name, what in (("tls.crt", "certificate"), ("tls.key", "key")):
        if b"-----BEGIN" not in decoded(data.get(name)):
            return [f"tls: failed to find any PEM data in {what} input"]
    return []
