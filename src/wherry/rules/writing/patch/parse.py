"""The body of a patch request to its JSON value: an object, or a list of operations for a JSON patch.

Called by the registry once per request; server-side apply's YAML is decoded with the other YAML bodies, not here.
Source: k8s.io/apiserver/pkg/endpoints/handlers/patch.go (what decodes into what), encoding/json (the texts).
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from wherry.api.errors import BadRequest
from wherry.api.field import show
from wherry.api.options import JSON_PATCH, STRATEGIC_PATCH
from wherry.rules.schema.decode import depth, duplicates
from wherry.rules.schema.decode.reader import repaired
from wherry.rules.texts.json_syntax import problem

_GO_KINDS = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
_MAP = "map[string]interface {}"
_OPERATION = "handlers.jsonPatchOp"
_OPERATION_FIELDS = frozenset({"op", "path", "from", "value"})


def _decode(content: bytes) -> Any:
    try:
        value = _read(content)
    except RecursionError:
        raise ValueError(depth.FAULT) from None
    if depth.too_deep(value, content):
        raise ValueError(depth.FAULT)
    return value


def _read(content: bytes) -> Any:
    """JSON as Go reads it: bytes that are not UTF-8 become replacement characters. Raises ValueError with Go's message."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        wrong = problem(content)
    if wrong is not None:
        raise ValueError(wrong)
    return json.loads(repaired(content))


def go_kind(value: Any) -> str:
    """What encoding/json calls a value."""
    return _GO_KINDS[type(value)]


def _mismatch(value: Any, into: str) -> ValueError:
    return ValueError(f"json: cannot unmarshal {_GO_KINDS[type(value)]} into Go {into}")


def _operations(value: Any) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _mismatch(value, f"value of type []{_OPERATION}")
    operations = [{} if operation is None else operation for operation in value]
    for operation in operations:
        if not isinstance(operation, dict):
            raise _mismatch(operation, f"value of type {_OPERATION}")
        for name in ("op", "path", "from"):
            if not isinstance(operation.get(name, ""), str | None):
                raise _mismatch(operation[name], f"struct field jsonPatchOp.{name} of type string")
    return operations


def _object(value: Any, patch_type: str) -> dict[str, Any]:
    if value is None:
        if patch_type == STRATEGIC_PATCH:
            return {}
        raise BadRequest("Invalid JSON Patch")
    if not isinstance(value, dict):
        raise _mismatch(value, f"value of type {_MAP}")
    return value


def strict_errors(patch_type: str, content: bytes, parsed: Any) -> list[str]:
    """What the text of a patch names twice, and what no operation of a JSON patch has."""
    found = duplicates.listed(duplicates.read(content)) if duplicates.suspect(content, parsed) else []
    if patch_type != JSON_PATCH:
        return found
    for i, operation in enumerate(parsed):
        found += [f"unknown field {show(f'[{i}].{name}')}" for name in operation if name not in _OPERATION_FIELDS]
    return [f"json patch {each}" for each in found]


def parse_patch(patch_type: str, content: bytes) -> Any:
    """The patch that `apply` takes. Raises BadRequest."""
    try:
        value = _decode(content)
        return _operations(value) if patch_type == JSON_PATCH else _object(value, patch_type)
    except ValueError as error:
        raise BadRequest(str(error) if patch_type == STRATEGIC_PATCH else f"error decoding patch: {error}") from None
