"""Path items of OpenAPI 3 as version 2 writes them.

Called by `openapi`. Turns request bodies into body parameters, media types into `consumes` and `produces`, schemas of parameters into
their types. Invariant: a query parameter is written once, and the operations refer to it; but `dryRun` and `fieldValidation` stay where
they are asked for, because that is where old kubectls look for them.
Source: https://swagger.io/specification/v2/, k8s.io/kube-openapi/pkg/builder/parameters.go.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import msgspec

_IN_PLACE = ("dryRun", "fieldValidation")


def paths(items: dict[str, Any]) -> dict[str, Any]:
    return {path: _item(item) for path, item in items.items()}


def share(paths: dict[str, Any]) -> dict[str, Any]:
    """The query parameters by name; in `paths`, which is changed, references take their place."""
    found: dict[str, Any] = {}
    names: dict[tuple[str, str, str], str] = {}
    for holder in _holders(paths):
        holder["parameters"] = [_shared(one, found, names) for one in holder["parameters"]]
    return dict(sorted(found.items()))


def _holders(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in paths.values():
        yield item
        yield from (value for key, value in item.items() if key != "parameters")


def _shared(parameter: dict[str, Any], found: dict[str, Any], names: dict[tuple[str, str, str], str]) -> dict[str, Any]:
    if parameter["in"] != "query" or parameter["name"] in _IN_PLACE:
        return parameter
    key = (parameter["name"], parameter["type"], parameter["description"])
    name = names.get(key)
    if name is None:
        mark = hashlib.blake2b(msgspec.json.encode(parameter), digest_size=6).digest()
        name = names[key] = f"{parameter['name']}-{urlsafe_b64encode(mark).decode()}"
        found[name] = parameter
    return {"$ref": f"#/parameters/{name}"}


def _item(item: dict[str, Any]) -> dict[str, Any]:
    found = {verb: _operation(value) for verb, value in item.items() if verb != "parameters"}
    return {**found, "parameters": [_parameter(one) for one in item.get("parameters", ())]}


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in operation.items() if key not in ("parameters", "requestBody", "responses")}
    parameters = [_parameter(one) for one in operation["parameters"]]
    body = operation.get("requestBody")
    if body:
        media, content = list(body["content"]), next(iter(body["content"].values()))
        parameters.insert(0, {"name": "body", "in": "body", "required": True, "schema": _schema(content["schema"])})
        found["consumes"] = media
    answers = operation["responses"]
    found["produces"] = list(next(iter(answers.values()))["content"])
    found["parameters"] = parameters
    found["responses"] = {code: _response(answer) for code, answer in answers.items()}
    return found


def _response(answer: dict[str, Any]) -> dict[str, Any]:
    content = next(iter(answer["content"].values()))
    return {"description": answer["description"], "schema": _schema(content["schema"])}


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in parameter.items() if key != "schema"}, **parameter["schema"]}


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("#/components/schemas/", "#/definitions/")}
    return schema
