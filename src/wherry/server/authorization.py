"""Who may do what: the question as `Attributes`, the hook that decides it, and what is said to who may not.

Called once per request, and by the reviews (`kubectl auth can-i`). The default hook knows no roles: `system:masters` may do everything,
everyone who is known may discover the API and ask about themselves, and nothing else.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/; the default roles system:basic-user, system:discovery,
system:public-info-viewer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from wherry.api.errors import Forbidden, forbidden
from wherry.api.options import User
from wherry.server.authentication import AUTHENTICATED

MASTERS = "system:masters"


class Attributes(NamedTuple):
    """What is asked for: a verb on a resource, or on a path (`resource` is then "")."""

    verb: str
    path: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class Decision(NamedTuple):
    allowed: bool
    reason: str = ""


Authorizer = Callable[[User, Attributes], Decision]

ALLOWED, NO_OPINION = Decision(True), Decision(False)
#: paths that everyone may read, also without credentials
PUBLIC_PATHS = ("/healthz", "/livez", "/readyz", "/version")
_DISCOVERY_PATHS = ("/api", "/apis", "/openapi")
#: (group, resource) that everyone who is known may create: questions about oneself
SELF_REVIEWS = (
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
)


def is_public(path: str) -> bool:
    """Whether a path may be read by everyone."""
    return path.rstrip("/") in PUBLIC_PATHS


def _may_read(path: str) -> bool:
    return is_public(path) or any(path == p or path.startswith(f"{p}/") for p in _DISCOVERY_PATHS)


def default_authorizer(user: User, asked: Attributes) -> Decision:
    if MASTERS in user.groups:
        return ALLOWED
    if not asked.resource and asked.verb == "get" and is_public(asked.path):
        return ALLOWED
    if AUTHENTICATED not in user.groups:
        return NO_OPINION
    if asked.resource:
        mine = asked.verb == "create" and (asked.group, asked.resource) in SELF_REVIEWS and not asked.subresource
        return ALLOWED if mine else NO_OPINION
    return ALLOWED if asked.verb == "get" and _may_read(asked.path) else NO_OPINION


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def refusal(user: User, asked: Attributes, reason: str = "") -> Forbidden:
    """The 403 of a request that was not allowed."""
    name = _quoted(user.name)
    if not asked.resource:
        what = f"User {name} cannot {asked.verb} path {_quoted(asked.path)}"
    else:
        resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
        where = f"in the namespace {_quoted(asked.namespace)}" if asked.namespace else "at the cluster scope"
        what = f"User {name} cannot {asked.verb} resource {_quoted(resource)} in API group {_quoted(asked.group)} {where}"
    what = what.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = f"{what}: {reason}" if reason else what
    if not asked.resource:
        return Forbidden(f"forbidden: {text}", {})
    group_resource = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    return forbidden(group_resource, asked.name, text)
