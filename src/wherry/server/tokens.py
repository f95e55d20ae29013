"""Tokens that are looked up: those of service accounts, and bootstrap tokens.

Asked by `Authentication` for bearer tokens that nobody was given at the start. A signature is checked once and remembered; what a token is
bound to is looked up every time, so a token ends with its account, pod, node or Secret.
Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/, .../bootstrap-tokens/;
pkg/serviceaccount/jwt.go, claims.go, legacy.go; plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

from wherry.api import timestamps
from wherry.api.objects import Obj, is_deleting, labels, uid
from wherry.api.options import MERGE_PATCH, Target, User, WriteOptions
from wherry.api.resources import resource
from wherry.registry.registry import Registry
from wherry.registry.tokens.issuer import BadSignature, NotOurs
from wherry.rules.access.tokens import claims as rules
from wherry.rules.access.tokens.claims import LEEWAY, LEGACY_ISSUER, Reference
from wherry.server.authentication import Identity, TokenError

LAST_USED, INVALID_SINCE = "kubernetes.io/legacy-token-last-used", "kubernetes.io/legacy-token-invalid-since"
BOOTSTRAP_TYPE = "bootstrap.kubernetes.io/token"
_BOOTSTRAP = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_BOOTSTRAP_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
#: tokens whose signatures are remembered
_KEPT = 2048


class ServiceAccountTokens:
    """Bound tokens, and legacy ones that live in Secrets. `now` gives seconds since the epoch."""

    def __init__(self, registry: Registry, now: Callable[[], float]) -> None:
        self._registry, self._now = registry, now
        self._checked: dict[bytes, dict[str, Any]] = {}

    async def user(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Raises TokenError for a token of ours that is not good, or not for these audiences."""
        said = self._claims(token)
        if said is None:
            return None
        own = self._registry.issuer.audiences
        given = rules.audiences(said, own)
        meant = tuple(a for a in given if a in audiences)
        if not meant:
            listed = [" ".join(f'"{a}"' for a in some) for some in (given, audiences)]
            raise TokenError(f"token audiences [{listed[0]}] is invalid for the target audiences [{listed[1]}]")
        if problem := rules.time_problem(said, self._now()):
            raise TokenError(problem)
        for reference in rules.references(said):
            found = await self._present(reference)
            if reference.kind == "secrets" and said["iss"] == LEGACY_ISSUER:
                await self._legacy(reference, found, token, said)
        return Identity(rules.user(said), meant)

    def _claims(self, token: str) -> dict[str, Any] | None:
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        said = self._checked.get(digest)
        if said is None:
            try:
                said = self._registry.issuer.check(token)
                rules.references(said)
            except NotOurs:
                return None
            except BadSignature as error:
                raise TokenError("go-jose/go-jose: error in cryptographic primitive") from error
            except (KeyError, TypeError) as error:
                raise TokenError("service account token claims could not be validated due to unexpected validation error") from error
            if len(self._checked) >= _KEPT:
                self._checked.clear()
            self._checked[digest] = said
        return said

    async def _present(self, reference: Reference) -> Obj:
        record = await self._registry.store.get("/".join(part for part in reference[:3] if part))
        if record is None:
            if reference.kind == "serviceaccounts":
                raise TokenError(f'serviceaccounts "{reference.name}" not found')
            raise TokenError(rules.gone(reference))
        obj: Obj = record.object()
        if reference.uid and reference.uid != uid(obj):
            raise TokenError(rules.other(reference, uid(obj)))
        if is_deleting(obj) and timestamps.parse(obj["metadata"]["deletionTimestamp"]) < self._now() - LEEWAY:
            raise TokenError(rules.gone(reference))
        return obj

    async def _legacy(self, reference: Reference, secret: Obj, token: str, said: dict[str, Any]) -> None:
        """The token must be the one in the Secret, which remembers the day of its last use."""
        if not hmac.compare_digest(_data(secret, "token").encode(), token.encode(errors="surrogateescape")):
            raise TokenError("service account token has been invalidated")
        if labels(secret).get(INVALID_SINCE):
            account = rules.references(said)[0]
            raise TokenError(
                f"the token in secret {reference.namespace}/{reference.name} for service account {account.namespace}/{account.name} has "
                "been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the "
                f"'{INVALID_SINCE}' label from the secret to temporarily allow use of this token"
            )
        today = timestamps.time(self._now())[:10]
        if labels(secret).get(LAST_USED) != today:
            target = Target(resource("secrets"), reference.namespace, reference.name)
            patch = {"metadata": {"labels": {LAST_USED: today}}}
            options = WriteOptions(user_agent="kube-apiserver")
            await self._registry.patch(target, MERGE_PATCH, patch, options, User("system:apiserver", groups=("system:masters",)))


class BootstrapTokens:
    """Tokens of the form `id.secret`, kept in Secrets of kube-system. They are good for this server only (`own` audiences)."""

    def __init__(self, registry: Registry, now: Callable[[], float]) -> None:
        self._registry, self._now = registry, now

    async def user(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        form = _BOOTSTRAP.fullmatch(token)
        meant = tuple(a for a in self._registry.issuer.audiences if a in audiences)
        if form is None or not meant:
            return None
        token_id, secret = form.groups()
        record = await self._registry.store.get(f"secrets/kube-system/bootstrap-token-{token_id}")
        if record is None or is_deleting(record.object()):
            return None
        obj: Obj = record.object()
        right = hmac.compare_digest(_data(obj, "token-secret").encode(), secret.encode()) and _data(obj, "token-id") == token_id
        good = (
            obj.get("type") == BOOTSTRAP_TYPE
            and right
            and not self._expired(obj)
            and _data(obj, "usage-bootstrap-authentication") == "true"
        )
        groups = self._groups(obj) if good else None
        if groups is None:
            return None
        return Identity(User(f"system:bootstrap:{token_id}", groups=groups), meant)

    def _expired(self, secret: Obj) -> bool:
        ends = _data(secret, "expiration")
        if not ends:
            return False
        try:
            return timestamps.parse(ends) <= self._now()
        except ValueError:
            return True

    @staticmethod
    def _groups(secret: Obj) -> tuple[str, ...] | None:
        """Those of every bootstrap token and those it names, None when it names one that it may not."""
        named = [group.strip() for group in _data(secret, "auth-extra-groups").split(",") if group]
        if not all(_BOOTSTRAP_GROUP.fullmatch(group) for group in named):
            return None
        return tuple(sorted({"system:bootstrappers", *named}))


def _data(secret: Obj, key: str) -> str:
    """A value of a Secret as text, "" when it is none."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(key, "")).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
