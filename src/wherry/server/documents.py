"""Paths that are about the API itself: the index, the version, discovery, OpenAPI, metrics.

Called by `app.ApiServer` for everything that is no resource path. Gives a reply, or raises NotFound or MethodNotAllowed where the reference
has routes, or answers in plain text where it has none. Source: k8s.io/apiserver/pkg/server/routes, pkg/endpoints/discovery.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence

import msgspec

from wherry.api.errors import BadRequest, MethodNotAllowed, NotAcceptable, NotFound
from wherry.api.objects import Obj
from wherry.api.resources import BUILT_IN, ResourceTable
from wherry.server import discovery, negotiation, other_discovery, routes
from wherry.server.call import Call
from wherry.server.discovery import Document
from wherry.server.openapi import documents as openapi
from wherry.server.other_discovery import Other
from wherry.server.rendering import encode, error_reply, finish, not_found_text, object_reply
from wherry.server.wire import JSON, TEXT, Header, Reply

#: what we behave like
KUBERNETES_VERSION = "v1.36.2"
_PLAIN_PATHS = ("/.well-known/openid-configuration", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/openid/v1/jwks",
                "/readyz", "/version")  # fmt: skip
#: custom groups have no routes of their own: what is unknown there is unknown everywhere
_BUILT_IN_GROUPS = frozenset(row.group for row in BUILT_IN)
_FOREVER = ("Cache-Control", "public, immutable")


def not_found() -> NotFound:
    return NotFound("the server could not find the requested resource", {})


def method_not_allowed() -> MethodNotAllowed:
    return MethodNotAllowed("the server does not allow this method on the requested resource", {})


def version() -> Obj:
    """`/version`: the version of Kubernetes that is served, and of what serves it."""
    return {
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": KUBERNETES_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"{platform.system().lower()}/{_ARCHITECTURES.get(platform.machine(), platform.machine())}",
    }


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def paths(table: ResourceTable) -> list[str]:
    """Every path at which something is listed, sorted."""
    found = {"/api", "/apis", *_PLAIN_PATHS}
    for row in table:
        found.add(f"/apis/{row.group}" if row.group else "/api")
        found.add(f"/apis/{row.group}/{row.version}" if row.group else f"/api/{row.version}")
    return sorted(found)


class Documents:
    def __init__(self, table: ResourceTable) -> None:
        self._table = table
        self._discovery = discovery.Discovery(table)

    def missing(self, call: Call, parts: list[str]) -> Reply:
        """The answer to a path that leads nowhere."""
        if routes.known_root(_BUILT_IN_GROUPS, parts):
            return error_reply(call, not_found())
        return not_found_text()

    def impossible(self, call: Call, route: routes.Route) -> Reply:
        """The answer to a method that a resource's path does not have. Raises MethodNotAllowed, BadRequest.

        Custom kinds have no routes: a server looks for one of that scope, then for the name that the verb needs.
        Source: apiextensions-apiserver/pkg/apiserver/customresource_handler.go (ServeHTTP), apiserver/pkg/endpoints/handlers/namer.go.
        """
        if route.target.resource.custom is not None:
            if route.everywhere:
                return not_found_text()
            if not route.target.name and call.method in ("PUT", "PATCH"):
                raise BadRequest("name must be provided")
        raise method_not_allowed()

    def reply(self, call: Call, parts: list[str], others: Sequence[Other] = ()) -> Reply:
        """`parts`: the path's segments; `others`: what other servers serve. Raises NotFound, MethodNotAllowed, NotAcceptable."""
        if call.method != "GET" and (parts[0] in ("api", "version") or (parts[0] == "apis" and len(parts) > 2)):
            # the lists of groups and a group are handed out whatever the method is
            raise method_not_allowed()
        match parts:
            case [""] | ["index.html"]:
                body = msgspec.json.format(encode({"paths": paths(self._table)}), indent=2)
                return finish(call, 200, body, JSON, [])
            case ["version"]:
                return object_reply(call, version())
            case ["api"]:
                return self._aggregated(call, (), core=True) or object_reply(call, discovery.core_versions(_address(call)))
            case ["apis"]:
                groups = other_discovery.with_groups(discovery.group_list(self._table), others)
                return self._aggregated(call, others, core=False) or object_reply(call, groups)
            case ["api", version_]:
                return self._found(call, parts, discovery.resource_list(self._table, "", version_))
            case ["apis", group]:
                document = discovery.group(self._table, group)
                if any(each.group == group for each in others):
                    head: Obj = document or {"kind": "APIGroup", "apiVersion": "v1", "name": group}
                    document = other_discovery.with_versions(head, group, others)
                return self._found(call, parts, document)
            case ["apis", group, version_]:
                return self._found(call, parts, discovery.resource_list(self._table, group, version_))
            case ["openapi", *rest]:
                return self._openapi(call, rest)
        return self.missing(call, parts)

    def _found(self, call: Call, parts: list[str], document: Obj | None) -> Reply:
        return self.missing(call, parts) if document is None else object_reply(call, document)

    def _aggregated(self, call: Call, others: Sequence[Other], *, core: bool) -> Reply | None:
        asked = negotiation.discovery(call.header("Accept"))
        if asked is None:
            return None
        document = self._discovery.aggregated(asked.version, core=core)
        if others:
            document = _document(encode(other_discovery.with_discovery(msgspec.json.decode(document.body), others)))
        media_type = f"{JSON};g=apidiscovery.k8s.io;v={asked.version};as=APIGroupDiscoveryList"
        headers = [("ETag", document.etag), ("Vary", "Accept"), ("Cache-Control", "public")]
        return _tagged(call, document, media_type, headers)

    def _openapi(self, call: Call, rest: list[str]) -> Reply:
        match rest:
            case ["v2"]:
                return self._openapi_v2(call)
            case ["v3"]:
                return finish(call, 200, openapi.index(self._table), TEXT, [])
            case ["v3", *path]:
                body = openapi.document(self._table, "/".join(path))
                if body is not None:
                    cached = [_FOREVER] if "hash" in call.parameters else []
                    return _tagged(call, _document(body), JSON, [("ETag", _document(body).etag), ("Vary", "Accept"), *cached])
        return not_found_text()

    def _openapi_v2(self, call: Call) -> Reply:
        accepted = call.header("Accept")
        first = next(iter(accepted.split(",")), "").partition(";")[0].strip()
        if first in openapi.PROTOBUF_V2_ASKED:
            return finish(call, 200, openapi.v2_protobuf(self._table), openapi.PROTOBUF_V2, [])
        if accepted and not any(clause.matches(JSON) for clause in negotiation.clauses(accepted)):
            raise NotAcceptable(f"only the following media types are accepted: {JSON}, {openapi.PROTOBUF_V2}")
        return finish(call, 200, openapi.v2(self._table), JSON, [])


def _document(body: bytes) -> Document:
    return Document(body, f'"{hashlib.sha512(body).hexdigest().upper()}"')


def _tagged(call: Call, document: Document, media_type: str, headers: list[Header]) -> Reply:
    """The document, or 304 for a client that has it."""
    if call.header("If-None-Match") == document.etag:
        return Reply(304, b"", "", headers)
    return finish(call, 200, document.body + b"\n", media_type, headers)


def _address(call: Call) -> str:
    """Where the client reached us."""
    transport = call.request.transport
    name = transport.get_extra_info("sockname") if transport is not None else None
    return f"{name[0]}:{name[1]}" if name else call.header("Host")
