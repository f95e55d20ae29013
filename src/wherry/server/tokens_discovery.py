"""OpenID discovery of the issuer of service account tokens: its metadata, and its public keys.

Called by `app.ApiServer` for the two paths; who may read them is a matter of roles (`system:service-account-issuer-discovery`).
Source: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery;
pkg/routes/openidmetadata.go.
"""

from __future__ import annotations

from wherry.registry.tokens.issuer import Issuer
from wherry.server.call import Call
from wherry.server.documents import method_not_allowed
from wherry.server.rendering import encode
from wherry.server.wire import JSON, Reply

CONFIGURATION, KEYS = "/.well-known/openid-configuration", "/openid/v1/jwks"
_CACHED = (("Cache-Control", "public, max-age=3600"),)


def reply(issuer: Issuer, call: Call, path: str) -> Reply | None:
    """The document at `path` (without a slash at its end), None when there is none. Raises MethodNotAllowed."""
    if path not in (CONFIGURATION, KEYS):
        return None
    if call.method not in ("GET", "HEAD"):
        raise method_not_allowed()
    if path == KEYS:
        return Reply(200, encode(issuer.jwks()), "application/jwk-set+json", _CACHED)
    return Reply(200, encode(issuer.discovery(f"https://{_address(call)}{KEYS}")), JSON, _CACHED)


def _address(call: Call) -> str:
    """Where the client reached us."""
    transport = call.request.transport
    name = transport.get_extra_info("sockname") if transport is not None else None
    if not name:
        return call.header("Host")
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
