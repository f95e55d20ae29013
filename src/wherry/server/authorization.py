"""Who may do what: the authorizers of the server, and what is said to who may not.

Asked once per request, and by the reviews (`kubectl auth can-i`). Members of `system:masters` may do everything; then the authorizers are
asked in turn, and the first that allows decides. Of the reasons of those that do not allow, all are given.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/; k8s.io/apiserver/pkg/authorization/union;
plugin/pkg/auth/authorizer/rbac/rbac.go (RulesFor); pkg/kubeapiserver/authorizer/config.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.registry.rbac.stored import StoredPolicy
from wherry.rules.access.rbac.request import ALLOWED, NO_OPINION, Attributes, Decision, refusal

__all__ = ["ALLOWED", "MASTERS", "NO_OPINION", "Attributes", "Authorizer", "Decision", "FirstThatAllows", "Rbac", "refusal"]

MASTERS = "system:masters"


class Authorizer(Protocol):
    async def decide(self, user: User, asked: Attributes) -> Decision: ...

    async def rules(self, user: User, namespace: str) -> Obj:
        """What the user may do, as a SubjectRulesReviewStatus."""
        ...


class Rbac:
    """What roles and bindings say."""

    def __init__(self, policy: StoredPolicy) -> None:
        self._policy = policy

    async def decide(self, user: User, asked: Attributes) -> Decision:
        return (await self._policy.current()).decide(user, asked)

    async def rules(self, user: User, namespace: str) -> Obj:
        grants = (await self._policy.current()).grants(user, namespace)
        resources: list[Obj] = []
        paths: list[Obj] = []
        for rule in grants.rules:
            if rule.resources:
                resources.append(rule._replace(urls=()).to_json())
            if rule.urls:
                paths.append({"verbs": list(rule.verbs), "nonResourceURLs": list(rule.urls)})
        status: Obj = {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}
        if grants.missing:
            status["evaluationError"] = grants.problem
        return status


class FirstThatAllows:
    def __init__(self, authorizers: Iterable[Authorizer]) -> None:
        self._authorizers = tuple(authorizers)

    async def decide(self, user: User, asked: Attributes) -> Decision:
        if MASTERS in user.groups:
            return ALLOWED
        reasons: list[str] = []
        for authorizer in self._authorizers:
            decision = await authorizer.decide(user, asked)
            if decision.allowed:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        return Decision(False, "\n".join(reasons)) if reasons else NO_OPINION

    async def rules(self, user: User, namespace: str) -> Obj:
        status: Obj = {"resourceRules": [], "nonResourceRules": [], "incomplete": False}
        for authorizer in self._authorizers:
            found = await authorizer.rules(user, namespace)
            status["resourceRules"] += found["resourceRules"]
            status["nonResourceRules"] += found["nonResourceRules"]
            status["incomplete"] = status["incomplete"] or found["incomplete"]
            if error := found.get("evaluationError"):
                before = status.get("evaluationError")
                status["evaluationError"] = f"{before}, {error}" if before else error
        return status
