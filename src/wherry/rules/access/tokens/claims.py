"""The claims of a service account's token: made when it is issued, judged when it comes back.

Called by the `token` subresource, by the controller of token Secrets, and by the server for every bearer of such a token. What a token is
bound to must still be there with the same uid; whoever looks that up asks `bound_to` what it is.
Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens;
pkg/serviceaccount/claims.go, legacy.go; k8s.io/apiserver/pkg/authentication/serviceaccount.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from wherry.api.objects import Obj, name, namespace, uid
from wherry.api.options import User

LEGACY_ISSUER = "kubernetes/serviceaccount"
#: seconds by which clocks may differ
LEEWAY = 60
_PRIVATE = "kubernetes.io"
_LEGACY = "kubernetes.io/serviceaccount/"
_EXTRA = "authentication.kubernetes.io/"

Kind = Literal["serviceaccounts", "pods", "secrets", "nodes"]


class Reference(NamedTuple):
    """An object that a token rests on. `uid` "" where the token does not say it."""

    kind: Kind
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Binding:
    """What a token is bound to: a pod (with its node), a node, or a Secret."""

    pod: Obj | None = None
    node: Obj | None = None
    secret: Obj | None = None


class Life(NamedTuple):
    """When a token begins, for how many seconds it is good, and after how many its use is to be remarked upon (0: never)."""

    start: float
    seconds: int
    warn_after: int = 0


def claims(account: Obj, binding: Binding, life: Life, *, issuer: str, audiences: list[str], token_id: str) -> dict[str, Any]:
    start = int(life.start)
    private: dict[str, Any] = {"namespace": namespace(account)}
    for key, obj in (("node", binding.node), ("pod", binding.pod), ("secret", binding.secret)):
        if obj is not None:
            private[key] = _ref(obj)
    private["serviceaccount"] = _ref(account)
    if life.warn_after:
        private["warnafter"] = start + life.warn_after
    return {
        "aud": audiences,
        "exp": start + life.seconds,
        "iat": start,
        "iss": issuer,
        "jti": token_id,
        _PRIVATE: private,
        "nbf": start,
        "sub": user_name(account),
    }


def legacy_claims(account: Obj, secret: Obj) -> dict[str, Any]:
    """Of a token in a Secret: it never ends but with its Secret."""
    return {
        "iss": LEGACY_ISSUER,
        f"{_LEGACY}namespace": namespace(account),
        f"{_LEGACY}secret.name": name(secret),
        f"{_LEGACY}service-account.name": name(account),
        f"{_LEGACY}service-account.uid": uid(account),
        "sub": user_name(account),
    }


def _ref(obj: Obj) -> dict[str, str]:
    found = {"name": name(obj), "uid": uid(obj)}
    return {k: v for k, v in found.items() if v}


def user_name(account: Obj) -> str:
    return f"system:serviceaccount:{namespace(account)}:{name(account)}"


def time_problem(said: dict[str, Any], now: float) -> str:
    """What is wrong with a token's times, "" when nothing is."""
    if "exp" in said and now - LEEWAY > said["exp"]:
        return "service account token has expired"
    if "nbf" in said and now + LEEWAY < said["nbf"]:
        return "service account token is not valid yet"
    if "iat" in said and now + LEEWAY < said["iat"]:
        return "service account token is issued in the future"
    return ""


def references(said: dict[str, Any]) -> list[Reference]:
    """What must be there for the token to be good; the account first. Raises KeyError, TypeError for claims that are not ours."""
    if said["iss"] == LEGACY_ISSUER:
        space = said[f"{_LEGACY}namespace"]
        account = Reference("serviceaccounts", space, said[f"{_LEGACY}service-account.name"], said[f"{_LEGACY}service-account.uid"])
        return [account, Reference("secrets", space, said[f"{_LEGACY}secret.name"], "")]
    private = said[_PRIVATE]
    space, account_ref = private["namespace"], private["serviceaccount"]
    found = [Reference("serviceaccounts", space, account_ref["name"], account_ref["uid"])]
    pod, secret, node = private.get("pod"), private.get("secret"), private.get("node")
    if secret is not None:
        found.append(Reference("secrets", space, secret["name"], secret["uid"]))
    if pod is not None:
        found.append(Reference("pods", space, pod["name"], pod["uid"]))
    elif node is not None:
        # a pod's node is only told
        found.append(Reference("nodes", "", node["name"], node["uid"]))
    return found


def gone(reference: Reference) -> str:
    """What is said of a token when this is not there, or going for longer than clocks may differ."""
    if reference.kind == "serviceaccounts":
        return f"service account {reference.namespace}/{reference.name} has been deleted"
    return "service account token has been invalidated"


def other(reference: Reference, found: str) -> str:
    """What is said when there is another object of that name. `found`: its uid."""
    if reference.kind == "serviceaccounts":
        return f"service account UID ({found}) does not match claim ({reference.uid})"
    kind = reference.kind[:-1]
    return f"{kind} UID ({found}) does not match service account {kind} ref claim ({reference.uid})"


def user(said: dict[str, Any]) -> User:
    """Who the bearer is, without `system:authenticated`."""
    account = references(said)[0]
    extra: list[tuple[str, tuple[str, ...]]] = []
    if said.get("jti"):
        extra.append((f"{_EXTRA}credential-id", (f"JTI={said['jti']}",)))
    private = said.get(_PRIVATE) or {}
    for kind in ("node", "pod"):
        for key, value in (private.get(kind) or {}).items():
            extra.append((f"{_EXTRA}{kind}-{key}", (value,)))
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{account.namespace}")
    return User(f"system:serviceaccount:{account.namespace}:{account.name}", account.uid, groups, tuple(extra))


def audiences(said: dict[str, Any], own: tuple[str, ...]) -> tuple[str, ...]:
    """For whom the token is; a legacy one for this server."""
    given = said.get("aud") or own
    return (given,) if isinstance(given, str) else tuple(given)
