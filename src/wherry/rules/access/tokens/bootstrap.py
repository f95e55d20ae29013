"""Bootstrap tokens: the Secrets of kube-system that hold them, and when they end. Pure.

Called by `wherry token` and the token cleaner; what they prove is asked by the server (`wherry.server.tokens`).
Source: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/; cluster-bootstrap/token; kubeadm's token commands.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import NamedTuple

from wherry.api import timestamps
from wherry.api.objects import Obj, name

NAMESPACE, TYPE, PREFIX = "kube-system", "bootstrap.kubernetes.io/token", "bootstrap-token-"
#: what a token may be for
USAGES = ("signing", "authentication")
#: of those who join with a token of kubeadm, to which it binds what a joining node may do
DEFAULT_GROUP = "system:bootstrappers:kubeadm:default-node-token"
#: seconds for which a token is good unless it is said otherwise
DAY = 86400.0
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_ID = re.compile(r"[a-z0-9]{6}")
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


class Token(NamedTuple):
    """`ends`: seconds since 1970, None for one that does not. `usages` and `groups` in their order."""

    id: str
    secret: str
    ends: float | None = None
    usages: tuple[str, ...] = USAGES
    description: str = ""
    groups: tuple[str, ...] = (DEFAULT_GROUP,)

    def __str__(self) -> str:
        return f"{self.id}.{self.secret}"


def parse(text: str) -> tuple[str, str]:
    """Its id and its secret. Raises ValueError for what is no token."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise ValueError(f"the bootstrap token {text!r} was not of the form {_TOKEN.pattern!r}")
    return found[1], found[2]


def id_of(text: str) -> str:
    """Of a token, or of an id alone. Raises ValueError."""
    if _ID.fullmatch(text):
        return text
    try:
        return parse(text)[0]
    except ValueError:
        raise ValueError(f"given token {text!r} didn't match pattern {_ID.pattern!r} or {_TOKEN.pattern!r}") from None


def check(usages: Sequence[str], groups: Sequence[str]) -> None:
    """Raises ValueError."""
    if unknown := [each for each in usages if each not in USAGES]:
        raise ValueError(f"invalid bootstrap token usage string: {', '.join(unknown)}, valid usage options: {', '.join(USAGES)}")
    for each in groups:
        if not _GROUP.fullmatch(each):
            raise ValueError(f"bootstrap group {each!r} is invalid (must match {_GROUP.pattern})")


def secret(token: Token) -> Obj:
    """As it is stored."""
    data = {"token-id": token.id, "token-secret": token.secret, **{f"usage-bootstrap-{each}": "true" for each in token.usages}}
    if token.description:
        data["description"] = token.description
    if token.ends is not None:
        data["expiration"] = timestamps.time(token.ends)
    if token.groups:
        data["auth-extra-groups"] = ",".join(token.groups)
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "type": TYPE, "data": encoded,
            "metadata": {"name": PREFIX + token.id, "namespace": NAMESPACE}}  # fmt: skip


def token_of(found: Obj) -> Token | None:
    """What a Secret holds; None when it is no token."""
    token_id, hidden = _data(found, "token-id"), _data(found, "token-secret")
    if found.get("type") != TYPE or name(found) != PREFIX + token_id or not token_id or not hidden:
        return None
    usages = tuple(each for each in USAGES if _data(found, f"usage-bootstrap-{each}") == "true")
    groups = tuple(each for each in _data(found, "auth-extra-groups").split(",") if each)
    return Token(token_id, hidden, ends(found), usages, _data(found, "description"), groups)


def ends(found: Obj) -> float | None:
    """When it is over, in seconds since 1970: 0 for a time that cannot be read, None for none."""
    text = _data(found, "expiration")
    if not text:
        return None
    try:
        return timestamps.parse(text)
    except ValueError:
        return 0.0


def _data(found: Obj, key: str) -> str:
    try:
        return base64.b64decode((found.get("data") or {}).get(key) or "").decode()
    except ValueError:
        return ""


def joining() -> list[Obj]:
    """What lets machines join with tokens of the default group: to ask for certificates, that are approved by themselves, and renewed."""
    return [
        _binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", DEFAULT_GROUP),
        _binding("kubeadm:node-autoapprove-bootstrap", "system:certificates.k8s.io:certificatesigningrequests:nodeclient", DEFAULT_GROUP),
        _binding("kubeadm:node-autoapprove-certificate-rotation",
                 "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", "system:nodes"),
    ]  # fmt: skip


def _binding(named: str, role: str, group: str) -> Obj:
    access = "rbac.authorization.k8s.io"
    return {"apiVersion": f"{access}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": named},
            "roleRef": {"apiGroup": access, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": access, "kind": "Group", "name": group}]}  # fmt: skip
