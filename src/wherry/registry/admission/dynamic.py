"""What policies and webhooks share: their configuration as it is stored now, what a write looks like to them.

A write that meets no configuration costs one look at a count. Each stored version is compiled once, and kept with its record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from wherry.api import errors
from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.api.resources import Resource, resource
from wherry.kit.offload import computed, offload
from wherry.registry.core import Core, prefix
from wherry.registry.outside.calls import Outside
from wherry.registry.request import Operation, Request
from wherry.registry.versions import custom_versions
from wherry.rules.admission.policies.asked import Asked
from wherry.rules.admission.policies.evaluation import Answers, Seen
from wherry.rules.admission.policies.match import Criteria, may_match
from wherry.rules.cel.libraries.authorizer import Decision, Question, Unanswered
from wherry.rules.kinds.conversion import convert
from wherry.rules.objects.scaling.scale import scale_of
from wherry.store.protocol import Record, Store

_GROUP = "admissionregistration.k8s.io"
T = TypeVar("T")


def is_scale(request: Request) -> bool:
    """The draft is the workload, but what is asked about is its Scale. (Of a custom kind it is the object itself.)"""
    return request.subresource == "scale" and request.resource.custom is None


def table(plural: str) -> Resource:
    return resource(plural, _GROUP)


class Configured:
    """The stored objects of one table, compiled."""

    def __init__(self, store: Store, plural: str, compile_: Callable[[Obj], Any]) -> None:
        self._store, self._compile = store, compile_
        self._name, self._prefix = table(plural).group_resource, prefix(table(plural))

    @property
    def empty(self) -> bool:
        return not self._store.size(self._name)

    async def all(self) -> list[Any]:
        """In the order of their names."""
        return [await self._of(record) for record in (await self._store.range(self._prefix)).records]

    async def _of(self, record: Record) -> Any:
        cache = record.cache
        if cache is None:
            cache = record.cache = {}
        made = cache.get(_GROUP)
        if made is None:
            made = cache[_GROUP] = await computed(len(record.value), partial(self._compile, record.object()))
        return made


class Dynamic:
    """The base of the four plug-ins."""

    def __init__(self, store: Store, outside: Outside) -> None:
        self.store, self.outside = store, outside
        self._core: Core | None = None
        self._equivalents: dict[tuple[int, Resource], tuple[Resource, ...]] = {}

    def bind(self, core: Core) -> None:
        self._core = core

    @property
    def core(self) -> Core:
        assert self._core is not None, "the registry binds its plug-ins"
        return self._core

    def asked(self, request: Request) -> Asked:
        obj, old = None if request.operation == "DELETE" else request.draft, request.old
        if is_scale(request):
            obj, old = scale_of(request.draft), scale_of(request.old or request.draft)
        return Asked(
            request.operation, request.asked or request.resource, request.subresource, request.namespace, request.name,
            obj, old, request.user, request.dry_run, request.options,
        )  # fmt: skip

    def equivalents(self, row: Resource) -> tuple[Resource, ...]:
        """The other versions, and other groups, in which the same stored objects are served."""
        known = self.core.table
        at = (known.revision, row)
        found = self._equivalents.get(at)
        if found is None:
            if len(self._equivalents) > 512:
                self._equivalents.clear()
            stored = known.storage(row)
            found = tuple(r for r in known if r != row and r.plural == row.plural and _same(known.storage(r), stored))
            self._equivalents[at] = found
        return found

    async def matched(self, criteria: Criteria, asked: Asked) -> Resource | None:
        """The version in which the criteria mean this write, None when they do not. Raises NotFound (its namespace)."""
        row = criteria.resource(asked, self.equivalents(asked.resource))
        if row is None or not criteria.selects(asked):
            return None
        if criteria.wants_namespace(asked) and not criteria.namespaces.matches(await self._namespace_labels(asked)):
            return None
        return row

    async def _namespace_labels(self, asked: Asked) -> Mapping[str, str]:
        itself = asked.resource.group_resource == "namespaces" and asked.operation in ("CREATE", "UPDATE") and not asked.subresource
        namespace = asked.obj if itself else await self.namespace(asked.where)
        return ((namespace or {}).get("metadata") or {}).get("labels") or {}

    async def namespace(self, name: str) -> Obj:
        """Raises NotFound."""
        record = await self.store.get(f"namespaces/{name}")
        if record is None:
            raise errors.not_found("namespaces", name)
        found: Obj = record.object()
        return found

    async def seen(self, asked: Asked, row: Resource, namespace: Obj | None = None, params: Obj | None = None) -> Seen:
        return Seen(asked, row, await self.shown(asked.obj, row), await self.shown(asked.old, row), namespace, params)

    async def shown(self, obj: Obj | None, row: Resource) -> Obj | None:
        """An object of the registry in the version of `row`. Raises StatusError (a conversion webhook)."""
        if obj is None or obj.get("apiVersion") == row.api_version or obj.get("kind") != row.kind:
            return obj
        if row.custom is None:
            stored = self.core.table.storage(row)
            return convert(obj, stored, row) if obj.get("apiVersion") == stored.api_version else obj
        return await custom_versions.shown(self.core, row, obj)

    async def answered(self, user: User, answers: Answers, evaluate: Callable[[], T], *, loops: bool) -> T:
        """Evaluates, and again with every answer of the authorizer that turned out to be needed.

        What `loops` may take as long as its budget lasts: it is evaluated beside the event loop.
        """
        while True:
            try:
                return await offload(evaluate) if loops else evaluate()
            except Unanswered as needed:
                answers[needed.question] = await self._decision(user, needed.question)

    async def _decision(self, user: User, question: Question) -> Decision:
        if self.outside.decide is None:
            return Decision(True)  # a registry without a server in front serves whoever holds it
        if question.account is not None:
            namespace, name = question.account
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
            user = User(f"system:serviceaccount:{namespace}:{name}", groups=groups)
        return await self.outside.decide(user, question)

    def might_match(self, rules: Iterable[Mapping[str, Any]], operation: Operation, row: Resource) -> bool:
        return any(may_match(rule, operation, r) for rule in rules for r in (row, *self.equivalents(row)))


def _same(a: Resource, b: Resource) -> bool:
    """Of built-in kinds: stored alike. Of custom ones: versions of one kind."""
    return a == b or (a.custom is not None and a.group == b.group)
