"""Nobody hands out more than they have: the check of every Role and binding that is written.

Comes after all plug-ins that change objects. Whoever writes a role must have what it grants, or the verb `escalate` on it; whoever writes
a binding must have what its role grants, or the verb `bind` on that role. Members of `system:masters` may write everything.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping;
pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased/storage.go, escalation_check.go, helpers.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api import errors
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.registry.rbac.stored import StoredPolicy
from wherry.registry.request import Operation, Request
from wherry.rules.access.rbac.covers import compact, missing
from wherry.rules.access.rbac.defaults import GROUP
from wherry.rules.access.rbac.policy import CLUSTER_ROLES, Policy
from wherry.rules.access.rbac.request import Attributes, quoted
from wherry.rules.access.rbac.rule import FULL_AUTHORITY, Rule, parse

MASTERS = "system:masters"
_ROLES, _BINDINGS = ("roles", "clusterroles"), ("rolebindings", "clusterrolebindings")
#: what the garbage collector changes, and what is not the writer's
_GARBAGE = ("ownerReferences", "finalizers", "selfLink", "managedFields")
_GIVEN = ("uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds")


class RbacEscalation:
    _stored: StoredPolicy

    def bind(self, core: Core) -> None:
        self._stored = core.policy

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return resource.group == GROUP and operation in ("CREATE", "UPDATE") and resource.plural in (*_ROLES, *_BINDINGS)

    async def admit(self, request: Request) -> None:
        """Raises Forbidden, and NotFound for a binding to a role that is not there."""
        if MASTERS in request.user.groups or (request.old is not None and _only_garbage(request.draft, request.old)):
            return
        check = _Check(await self._stored.current(), request)
        if request.resource.plural in _ROLES:
            check.role()
        else:
            check.binding()


class _Check:
    def __init__(self, policy: Policy, request: Request) -> None:
        self._policy, self._request = policy, request

    def _may(self, verb: str, resource: str, name: str) -> bool:
        asked = Attributes(verb, "", GROUP, "*", resource, "", self._request.namespace, name)
        return self._policy.decide(self._request.user, asked).allowed

    def role(self) -> None:
        request = self._request
        draft, old = request.draft, request.old or {}
        # a new object's name stands in its body, and not in the request
        if self._may("escalate", request.resource.plural, request.name if request.old is not None else ""):
            return
        self._must_have(parse(draft.get("rules")))
        if request.resource.plural == "clusterroles" and (_aggregates(draft) or _aggregates(old)):
            grants = self._policy.grants(request.user, request.namespace)
            if missing(grants.rules, FULL_AUTHORITY):
                raise self._refusal("must have cluster-admin privileges to use the aggregationRule")

    def binding(self) -> None:
        request = self._request
        ref = request.draft.get("roleRef") or {}
        kind, name = ref.get("kind", ""), ref.get("name", "")
        resource = "clusterroles" if kind == CLUSTER_ROLES else "roles"
        if self._may("bind", resource, name):
            return
        rules = self._policy.role(kind, request.namespace, name)
        if rules is None:
            raise errors.not_found(f"{resource}.{GROUP}", name)
        self._must_have(rules)

    def _must_have(self, rules: Sequence[Rule]) -> None:
        user = self._request.user
        grants = self._policy.grants(user, self._request.namespace)
        lacking = missing(grants.rules, rules)
        if not lacking:
            return
        groups = " ".join(map(quoted, user.groups))
        listed = "\n".join(sorted({str(rule) for rule in compact(lacking)}))
        text = f"user {quoted(user.name)} (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{listed}"
        if grants.missing:
            texts = [f"{kind.lower()}s.{GROUP} {quoted(name)} not found" for kind, name in grants.missing]
            text += f"; resolution errors: [{texts[0] if len(texts) == 1 else '[' + ', '.join(texts) + ']'}]"
        raise self._refusal(text)

    def _refusal(self, why: str) -> errors.Forbidden:
        request = self._request
        name = request.name or request.draft["metadata"].get("name", "")
        return errors.forbidden(request.resource.group_resource, name, why)


def _aggregates(role: Obj) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _only_garbage(draft: Obj, old: Obj) -> bool:
    return _plain(draft) == _plain(old)


def _plain(obj: Obj) -> Obj:
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k not in _GARBAGE and k not in _GIVEN}}
