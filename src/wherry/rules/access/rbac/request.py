"""What is asked of an authorizer, and what it says.

Made by the server for each request and by reviews, and by the registry for the checks of roles and bindings; read by every authorizer.
Source: k8s.io/apiserver/pkg/authorization/authorizer/interfaces.go.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api.errors import Forbidden, forbidden
from wherry.api.options import User


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
    #: the field selector of a list or watch, as it came; only the Node authorizer looks at it
    fields: str = ""


class Decision(NamedTuple):
    """`allowed` False is no opinion: the next authorizer may allow it. `reason` goes into messages and reviews."""

    allowed: bool
    reason: str = ""


ALLOWED, NO_OPINION = Decision(True), Decision(False)


def quoted(text: str) -> str:
    """The text as Go's %q writes it, for what occurs in names."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def refusal(user: User, asked: Attributes, reason: str = "") -> Forbidden:
    """The 403 of a request that was not allowed."""
    name = quoted(user.name)
    if not asked.resource:
        what = f"User {name} cannot {asked.verb} path {quoted(asked.path)}"
    else:
        resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
        where = f"in the namespace {quoted(asked.namespace)}" if asked.namespace else "at the cluster scope"
        what = f"User {name} cannot {asked.verb} resource {quoted(resource)} in API group {quoted(asked.group)} {where}"
    what = what.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = f"{what}: {reason}" if reason else what
    if not asked.resource:
        return Forbidden(f"forbidden: {text}", {})
    group_resource = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    return forbidden(group_resource, asked.name, text)
