"""The policy that all stored roles and bindings make: who may do what, and why.

Kept up to date by `registry.rbac.stored`; asked by the server's RBAC authorizer, by rules reviews and by escalation checks. What is worked
out for a user is kept until any role or binding changes.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/; pkg/registry/rbac/validation/rule.go;
plugin/pkg/auth/authorizer/rbac/rbac.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.rules.access.rbac import rule as rules
from wherry.rules.access.rbac.request import NO_OPINION, Attributes, Decision, quoted
from wherry.rules.access.rbac.rule import Rule

ROLES, CLUSTER_ROLES = "Role", "ClusterRole"
#: users (and namespaces) whose rules, and questions whose answers, are kept
_KEPT = 4096


class Granted(NamedTuple):
    """A rule, and through which binding it applies."""

    rule: Rule
    source: str


class Grants(NamedTuple):
    """Everything that applies to a user in a namespace. `missing`: (kind, name) of roles that bindings name and that are not there."""

    granted: tuple[Granted, ...]
    missing: tuple[tuple[str, str], ...] = ()

    @property
    def rules(self) -> list[Rule]:
        return [g.rule for g in self.granted]

    @property
    def problem(self) -> str:
        """What is missing, in words."""
        texts = [f"{kind.lower()}.rbac.authorization.k8s.io {quoted(name)} not found" for kind, name in self.missing]
        return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]" if texts else ""


class _Binding(NamedTuple):
    #: the place in the order in which bindings came to be known
    place: int
    name: str
    namespace: str
    role_kind: str
    role: str
    #: subject as users match it -> its words in reasons; the first of equal ones
    subjects: dict[str, str]


class Policy:
    def __init__(self) -> None:
        #: (kind, namespace, name) -> rules
        self._roles: dict[tuple[str, str, str], tuple[Rule, ...]] = {}
        self._bindings: dict[tuple[str, str], _Binding] = {}
        #: (namespace, subject) -> bindings by name
        self._by_subject: dict[tuple[str, str], dict[str, _Binding]] = {}
        self._places = 0
        self._grants: dict[tuple[str, tuple[str, ...], str], Grants] = {}
        self._answers: dict[tuple[str, tuple[str, ...], Attributes], Decision] = {}

    # --- what there is ---
    def put(self, obj: Obj) -> None:
        """A role or binding, new or changed."""
        self._forget_answers()
        meta, kind = obj["metadata"], obj["kind"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        if kind in (ROLES, CLUSTER_ROLES):
            self._roles[kind, namespace, name] = rules.parse(obj.get("rules"))
            return
        old = self._unbind(namespace, name)
        if old is None:
            self._places += 1
        ref = obj.get("roleRef") or {}
        place = old.place if old else self._places
        binding = _Binding(place, name, namespace, ref.get("kind", ""), ref.get("name", ""), _subjects(obj, namespace))
        self._bindings[namespace, name] = binding
        for subject in binding.subjects:
            self._by_subject.setdefault((namespace, subject), {})[name] = binding

    def drop(self, kind: str, namespace: str, name: str) -> None:
        self._forget_answers()
        if kind in (ROLES, CLUSTER_ROLES):
            self._roles.pop((kind, namespace, name), None)
        else:
            self._unbind(namespace, name)

    def _unbind(self, namespace: str, name: str) -> _Binding | None:
        old = self._bindings.pop((namespace, name), None)
        for subject in old.subjects if old else ():
            found = self._by_subject[namespace, subject]
            del found[name]
            if not found:
                del self._by_subject[namespace, subject]
        return old

    def _forget_answers(self) -> None:
        self._grants.clear()
        self._answers.clear()

    # --- questions ---
    def role(self, kind: str, namespace: str, name: str) -> tuple[Rule, ...] | None:
        """The rules of a role, None when it is not there."""
        return self._roles.get((kind, namespace if kind == ROLES else "", name))

    def grants(self, user: User, namespace: str) -> Grants:
        key = user.name, user.groups, namespace
        found = self._grants.get(key)
        if found is None:
            if len(self._grants) >= _KEPT:
                self._grants.clear()
            found = self._grants[key] = self._worked_out(user, namespace)
        return found

    def decide(self, user: User, asked: Attributes) -> Decision:
        key = user.name, user.groups, asked
        found = self._answers.get(key)
        if found is None:
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            found = self._answers[key] = self._decided(user, asked)
        return found

    def _decided(self, user: User, asked: Attributes) -> Decision:
        grants = self.grants(user, asked.namespace)
        for granted in grants.granted:
            if rules.allows(granted.rule, asked):
                return Decision(True, f"RBAC: allowed by {granted.source}")
        return Decision(False, f"RBAC: {grants.problem}") if grants.missing else NO_OPINION

    def _worked_out(self, user: User, namespace: str) -> Grants:
        granted: list[Granted] = []
        missing: list[tuple[str, str]] = []
        for binding, words in self._applying(user, namespace):
            found = self.role(binding.role_kind, binding.namespace, binding.role)
            if found is None:
                missing.append((binding.role_kind, binding.role))
                continue
            source = _source(binding, words)
            granted += [Granted(rule, source) for rule in found]
        return Grants(tuple(granted), tuple(dict.fromkeys(missing)))

    def _applying(self, user: User, namespace: str) -> Iterable[tuple[_Binding, str]]:
        """The bindings that have the user, those of the cluster first, the oldest first, each with the subject that has him."""
        subjects = (f"u:{user.name}", *(f"g:{group}" for group in user.groups))
        for space in ("", namespace) if namespace else ("",):
            found: dict[str, _Binding] = {}
            for subject in subjects:
                found.update(self._by_subject.get((space, subject), {}))
            for binding in sorted(found.values()):
                yield binding, next(words for subject, words in binding.subjects.items() if subject in subjects)


def _subjects(obj: Obj, namespace: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for subject in obj.get("subjects") or ():
        kind, name = subject.get("kind", ""), subject.get("name", "")
        if kind == "ServiceAccount":
            space = subject.get("namespace") or namespace
            if space:
                # its name stands before its namespace, as in the reference
                found.setdefault(f"u:system:serviceaccount:{space}:{name}", f"ServiceAccount {quoted(f'{name}/{space}')}")
        elif kind in ("User", "Group"):
            found.setdefault(f"{kind[0].lower()}:{name}", f"{kind} {quoted(name)}")
    return found


def _source(binding: _Binding, subject: str) -> str:
    kind, name = ("RoleBinding", f"{binding.name}/{binding.namespace}") if binding.namespace else ("ClusterRoleBinding", binding.name)
    return f"{kind} {quoted(name)} of {binding.role_kind} {quoted(binding.role)} to {subject}"
