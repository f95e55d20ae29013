"""`authorizer`: asking from an expression what the requester may do.

Deciding may need to wait, evaluating cannot: an `Authorizer` knows the answers it was given, and raises `Unanswered` for a question it
was not. The caller asks, adds the answer and evaluates again.

Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from typing import ClassVar

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.library import Functions
from wherry.rules.objects import names


@dataclass(frozen=True, slots=True)
class Decision:
    cel_type: ClassVar[str] = "kubernetes.authorization.Decision"

    allowed: bool
    reason: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """`account` is the service account (namespace, name) to ask about, None for the requester; `path` set for a non-resource request."""

    verb: str
    account: tuple[str, str] | None = None
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


class Unanswered(Exception):
    """Evaluation needs the answer to `question`; it is no error of the expression, and nothing absorbs it."""

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question


class _Asking:
    """What authorizer, group, resource and path checks share: the question so far, and the known answers."""

    __slots__ = ("answers", "question")

    def __init__(self, answers: MutableMapping[Question, Decision], question: Question) -> None:
        self.answers, self.question = answers, question

    def check(self, verb: str) -> Decision:
        asked = replace(self.question, verb=verb)
        found = self.answers.get(asked)
        if found is None:
            raise Unanswered(asked)
        return found


class Authorizer(_Asking):
    cel_type = "kubernetes.authorization.Authorizer"
    __slots__ = ()


class GroupCheck(_Asking):
    cel_type = "kubernetes.authorization.GroupCheck"
    __slots__ = ()


class ResourceCheck(_Asking):
    cel_type = "kubernetes.authorization.ResourceCheck"
    __slots__ = ()


class PathCheck(_Asking):
    cel_type = "kubernetes.authorization.PathCheck"
    __slots__ = ()


def _path(a: Authorizer, path: str) -> PathCheck:
    if not path.strip():
        raise CelError("path must not be empty")
    return PathCheck(a.answers, replace(a.question, path=path))


def _account(a: Authorizer, namespace: str, name: str) -> Authorizer:
    if names.dns1123_subdomain(name):
        raise CelError("Invalid service account name")
    if names.dns1123_label(namespace):
        raise CelError("Invalid service account namespace")
    return Authorizer(a.answers, replace(a.question, account=(namespace, name)))


def _resource(g: GroupCheck, resource: str) -> ResourceCheck:
    if not resource.strip():
        raise CelError("resource must not be empty")
    return ResourceCheck(g.answers, replace(g.question, resource=resource))


def _part(field: str) -> object:
    return lambda r, value: ResourceCheck(r.answers, replace(r.question, **{field: value}))


_PARTS = (
    ("subresource", "subresource"), ("namespace", "namespace"), ("name", "name"),
    ("fieldSelector", "field_selector"), ("labelSelector", "label_selector"),
)  # fmt: skip


def declare(known: Functions) -> None:
    k = "kubernetes.authorization."
    d = known.declare
    d(f"<{k}Authorizer>.path(string): {k}PathCheck", _path)
    d(f"<{k}Authorizer>.group(string): {k}GroupCheck", lambda a, group: GroupCheck(a.answers, replace(a.question, group=group)))
    d(f"<{k}Authorizer>.serviceAccount(string, string): {k}Authorizer", _account)
    d(f"<{k}GroupCheck>.resource(string): {k}ResourceCheck", _resource)
    for name, field in _PARTS:
        d(f"<{k}ResourceCheck>.{name}(string): {k}ResourceCheck", _part(field))  # type: ignore[arg-type]
    for kind in ("PathCheck", "ResourceCheck"):
        d(f"<{k}{kind}>.check(string): {k}Decision", lambda asking, verb: asking.check(verb))
    d(f"<{k}Decision>.allowed(): bool", lambda decision: decision.allowed)
    d(f"<{k}Decision>.reason(): string", lambda decision: decision.reason)
    d(f"<{k}Decision>.errored(): bool", lambda decision: bool(decision.error))
    d(f"<{k}Decision>.error(): string", lambda decision: decision.error)
