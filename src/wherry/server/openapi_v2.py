"""Path items of OpenAPI 3 as version 2 writes them.

Called by `openapi`. Turns request bodies into body parameters, media types into `consumes` and `produces`, schemas of parameters into
their types. Source: https://swagger.io/specification/v2/.
"""

from __future__ import annotations

from typing import Any


def paths(items: dict[str, Any]) -> dict[str, Any]:
    return {path: _item(item) for path, item in items.items()}


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
