"""Token Secrets of service accounts: filled in when they are made, deleted with their account.

Source: pkg/controller/serviceaccount/tokens_controller.go;
https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#token-controller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from wherry.api.errors import Conflict, NotFound
from wherry.api.objects import Obj, key, name, namespace
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.access.tokens.claims import legacy_claims
from wherry.rules.access.tokens.secrets import account_name, belongs_to, filled, is_token, needs_token, without_reference
from wherry.rules.objects.plan import Action, Delete, Plan, Update

SECRETS, ACCOUNTS = resource("secrets"), resource("serviceaccounts")


class TokenSecretController(Controller):
    """Its keys are those of Secrets. `sign` makes a token of claims."""

    name = "tokens-controller"
    workers = 1

    def __init__(self, parts: Parts, ca_pem: str, sign: Callable[[dict[str, Any]], str]) -> None:
        super().__init__(parts)
        self._ca, self._sign = ca_pem, sign
        self._secrets = self.watch(SECRETS, _tokens)
        self._accounts = self.watch(ACCOUNTS, self._of_account)

    def _of_account(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """An account that comes or goes concerns the Secrets that name it."""
        if old is not None and new is not None:
            return ()
        account = new or old or {}
        there = self.informer(SECRETS).by_index("namespace", namespace(account))
        return [key(secret) for secret in there if is_token(secret) and account_name(secret) == name(account)]

    async def reconcile(self, key: str) -> float | None:
        action = self._action(key)
        if action is not None:
            error = (await self.apply(Plan((action,)))).error
            if error is not None and not isinstance(error, (Conflict, NotFound)):
                raise error
        return None

    def _action(self, key: str) -> Action | None:
        space, _, own = key.partition("/")
        secret = self._secrets.get(key)
        if secret is None:
            return self._forget(space, own)
        account = self._accounts.get(f"{space}/{account_name(secret)}")
        if account is None or not belongs_to(secret, account):
            return Delete(secret)
        token = self._sign(legacy_claims(account, secret)) if needs_token(secret) else ""
        draft = filled(secret, account, self._ca, token)
        return Update(draft) if draft is not None else None

    def _forget(self, space: str, secret: str) -> Action | None:
        """A Secret that is gone is no longer listed by an account."""
        for account in self._accounts.by_index("namespace", space):
            if (draft := without_reference(account, secret)) is not None:
                return Update(draft)
        return None


def _tokens(old: Obj | None, new: Obj | None) -> Iterable[str]:
    obj = new or old or {}
    return (key(obj),) if is_token(obj) else ()
