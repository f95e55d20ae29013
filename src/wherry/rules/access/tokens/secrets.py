"""Secrets of type `kubernetes.io/service-account-token`: what the controller writes into them.

Asked by the token controller. Values of Secrets are base64.
Source: https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets;
pkg/controller/serviceaccount/tokens_controller.go.
"""

from __future__ import annotations

import base64

from wherry.api.objects import Obj, annotations_of, name, namespace, uid

TYPE = "kubernetes.io/service-account-token"
ACCOUNT, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"


def is_token(secret: Obj) -> bool:
    return secret.get("type") == TYPE


def account_name(secret: Obj) -> str:
    return annotations_of(secret).get(ACCOUNT, "")


def belongs_to(secret: Obj, account: Obj) -> bool:
    """Of the account's name, and of its uid where the Secret says one."""
    marks = annotations_of(secret)
    return marks.get(ACCOUNT) == name(account) and marks.get(ACCOUNT_UID) in (None, "", uid(account))


def needs_token(secret: Obj) -> bool:
    return not (secret.get("data") or {}).get("token")


def filled(secret: Obj, account: Obj, ca_pem: str, token: str) -> Obj | None:
    """The Secret with what it lacks, None when it lacks nothing. `token` is used where there is none."""
    data = dict(secret.get("data") or {})
    before = dict(data)
    if ca_pem:
        data["ca.crt"] = encoded(ca_pem)
    if not data.get("namespace"):
        data["namespace"] = encoded(namespace(secret))
    if not data.get("token"):
        data["token"] = encoded(token)
    if data == before:
        return None
    marks = {**annotations_of(secret), ACCOUNT: name(account), ACCOUNT_UID: uid(account)}
    return {**secret, "metadata": {**secret["metadata"], "annotations": marks}, "data": data}


def without_reference(account: Obj, secret: str) -> Obj | None:
    """The account without its reference to a Secret that is gone, None when it has none."""
    listed = account.get("secrets") or []
    left = [s for s in listed if s.get("name") != secret]
    if len(left) == len(listed):
        return None
    rest = {k: v for k, v in account.items() if k != "secrets"}
    return {**rest, "secrets": left} if left else rest


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
