"""The paths of a group version: which verbs, with which query parameters, on which kinds.

Called by `openapi`. Turns rows of the resource table into OpenAPI 3 path items; `openapi_v2` turns those into version 2. Invariant: every
operation carries `x-kubernetes-action` and `x-kubernetes-group-version-kind`, by which clients find what a kind supports.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/, k8s.io/apiserver/pkg/endpoints/installer.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.api.resources import SUBRESOURCE_KINDS, Resource
from wherry.server.openapi.parameters import CONNECT, DELETE, LIST, LOG, PATCH, PROXY, WRITE, query

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
PATCH_TYPES = (
    "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
)  # fmt: skip
_MEDIA = ("application/json", "application/yaml")
_WATCH = ("application/json;stream=watch",)
_POSTED = ("binding", "eviction", "token")
_STREAMED = ("exec", "attach", "portforward", "proxy", "log")


class Gvk(NamedTuple):
    """The kind that an operation takes and gives, and the name of its definition."""

    group: str
    version: str
    kind: str
    schema: str

    def to_json(self) -> dict[str, str]:
        return {"group": self.group, "kind": self.kind, "version": self.version}


def root(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def list_schema(row: Resource) -> str:
    return f"{row.schema.rpartition('.')[0]}.{row.list_kind}"


def of_subresource(row: Resource, name: str) -> Gvk:
    if name in SUBRESOURCE_KINDS:
        group, version, kind = SUBRESOURCE_KINDS[name]
        return Gvk(group, version, kind, f"io.k8s.api.{group.split('.')[0] or 'core'}.{version}.{kind}")
    return of(row)


def of(row: Resource) -> Gvk:
    return Gvk(row.group, row.version, row.kind, row.schema)


def schemas(row: Resource) -> set[str]:
    """The definitions that the paths of a row name."""
    names = {row.schema, *(of_subresource(row, name).schema for name in row.subresources)}
    return names | {list_schema(row)} if "list" in row.verbs else names


def items(row: Resource, *, strategic: bool = True) -> dict[str, dict[str, Any]]:
    """The path items of a resource. `strategic`: its kind knows the strategic merge patch (custom resources do not)."""
    base = root(row.group, row.version)
    collection = f"{base}/namespaces/{{namespace}}/{row.plural}" if row.namespaced else f"{base}/{row.plural}"
    found = {collection: _collection(row), f"{collection}/{{name}}": _item(row, strategic)}
    if row.namespaced and "list" in row.verbs:
        found[f"{base}/{row.plural}"] = {"get": _list(row, "ForAllNamespaces"), "parameters": [query("pretty", "string")]}
    for name in row.subresources:
        path = f"{collection}/{{name}}/{name}"
        found[path] = _with_parameters(row, _subresource(row, name, strategic), named=True)
    return {path: item for path, item in found.items() if item.keys() - {"parameters"}}


def _with_parameters(row: Resource, operations: dict[str, Any], *, named: bool) -> dict[str, Any]:
    parameters = [_path("name", f"name of the {row.kind}")] if named else []
    if row.namespaced:
        parameters.append(_path("namespace", "namespace of the object"))
    return {**operations, "parameters": [*parameters, query("pretty", "string")]}


def _collection(row: Resource) -> dict[str, Any]:
    operations: dict[str, Any] = {}
    if "list" in row.verbs:
        operations["get"] = _list(row)
    if "create" in row.verbs:
        operations["post"] = operation(row, "post", "create", of(row), WRITE, body=row.schema, codes=("200", "201", "202"))
    if "deletecollection" in row.verbs:
        asked = {**LIST, **DELETE}
        operations["delete"] = operation(
            row, "deletecollection", "deleteCollection", of(row), asked, body=META + "DeleteOptions", gives=META + "Status"
        )
    return _with_parameters(row, operations, named=False)


def _item(row: Resource, strategic: bool) -> dict[str, Any]:
    operations: dict[str, Any] = {}
    if "get" in row.verbs:
        operations["get"] = operation(row, "get", "read", of(row), {})
    if "update" in row.verbs:
        operations["put"] = operation(row, "put", "replace", of(row), WRITE, body=row.schema, codes=("200", "201"))
    if "patch" in row.verbs:
        operations["patch"] = _patch(row, of(row), strategic)
    if "delete" in row.verbs:
        operations["delete"] = operation(
            row, "delete", "delete", of(row), DELETE, body=META + "DeleteOptions", gives=META + "Status", codes=("200", "202")
        )
    return _with_parameters(row, operations, named=True)


def _list(row: Resource, suffix: str = "") -> dict[str, Any]:
    return operation(row, "list", "list", of(row), LIST, gives=list_schema(row), media=(*_MEDIA, *_WATCH), suffix=suffix)


def _patch(row: Resource, gvk: Gvk, strategic: bool, suffix: str = "") -> dict[str, Any]:
    types = PATCH_TYPES if strategic else PATCH_TYPES[:-1]
    return operation(
        row, "patch", "patch", gvk, PATCH, body=META + "Patch", body_media=types, gives=gvk.schema, codes=("200", "201"), suffix=suffix
    )


def _subresource(row: Resource, name: str, strategic: bool) -> dict[str, Any]:
    gvk, suffix = of_subresource(row, name), name[0].upper() + name[1:]
    if name in _POSTED:
        return {"post": operation(row, "post", "create", gvk, WRITE, body=gvk.schema, codes=("200", "201", "202"), suffix=suffix)}
    if name == "log":
        return {"get": operation(row, "get", "read", gvk, LOG, gives="", media=("text/plain",), suffix=suffix)}
    if name in _STREAMED:
        asked = CONNECT.get(name, PROXY)
        verbs = ("get", "post") if name != "proxy" else ("get", "post", "put", "patch", "delete")
        return {
            verb: operation(row, "connect", f"connect{verb.title()}", gvk, asked, gives="", media=("*/*",), suffix=suffix) for verb in verbs
        }
    put = operation(row, "put", "replace", gvk, WRITE, body=gvk.schema, codes=("200", "201"), suffix=suffix)
    if name == "finalize":
        return {"put": put}
    get = operation(row, "get", "read", gvk, {}, suffix=suffix)
    return {"get": get, "put": put, "patch": _patch(row, gvk, strategic, suffix)}


def operation(
    row: Resource, action: str, verb: str, gvk: Gvk, asked: dict[str, str], *, body: str = "", body_media: tuple[str, ...] = ("*/*",),
    gives: str | None = None, media: tuple[str, ...] = _MEDIA, codes: tuple[str, ...] = ("200",), suffix: str = "",
) -> dict[str, Any]:  # fmt: skip
    """One operation. `gives` is the definition of the answer: that of `gvk` when None, text when empty."""
    answer = gvk.schema if gives is None else gives
    content = {kind: {"schema": _schema(answer)} for kind in media}
    found: dict[str, Any] = {
        "description": f"{verb} {row.plural}" + (f" {suffix}" if suffix else ""),
        "operationId": _operation_id(row, verb, suffix),
        "parameters": [query(name, type_) for name, type_ in sorted(asked.items())],
        "responses": {code: {"description": _WORDS[code], "content": content} for code in codes},
        "tags": [f"{_camel(row.group, first_upper=False) or 'core'}_{row.version}"],
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": gvk.to_json(),
    }
    if body:
        found["requestBody"] = {"content": {kind: {"schema": _schema(body)} for kind in body_media}}
    return found


_WORDS = {"200": "OK", "201": "Created", "202": "Accepted"}


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"} if name else {"type": "string"}


def _operation_id(row: Resource, verb: str, suffix: str) -> str:
    kind = f"Namespaced{row.kind}" if row.namespaced and suffix != "ForAllNamespaces" else row.kind
    group = _camel(row.group, first_upper=True) or "Core"
    if verb == "deleteCollection":
        return f"delete{group}{row.version.title()}Collection{kind}"
    return f"{verb}{group}{row.version.title()}{kind}{suffix}"


def _camel(group: str, *, first_upper: bool) -> str:
    """`rbac.authorization.k8s.io` as `RbacAuthorization`."""
    words = group.removesuffix(".k8s.io").split(".")
    text = "".join(word[:1].upper() + word[1:] for word in words)
    return text if first_upper else text[:1].lower() + text[1:]


def _path(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string", "uniqueItems": True},
    }  # fmt: skip
