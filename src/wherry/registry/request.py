"""A request as admission sees it, and what the registry asks of admission.

Every write is such a request (`verbs.write.Write` is one with what the stages need besides); a connection to a pod or node is one too.
Made by the verbs, given to the plug-ins of `admission`. Source: k8s.io/apiserver/pkg/admission/interfaces.go (Attributes, Interface).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from wherry.api import errors
from wherry.api.errors import Forbidden
from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.api.resources import Resource

T = TypeVar("T")
Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
#: the annotations of the audit event of the request under way; set by who records requests
AUDITED: ContextVar[dict[str, str] | None] = ContextVar("audited", default=None)


@dataclass(slots=True)
class Request:
    """`draft` is private and may be changed (on DELETE it is the object about to go and must not be).

    `options` is what was asked with. Plug-ins may add to `warnings`, which go to the client, and to `audit`, the annotations of the audit
    event.
    """

    operation: Operation
    #: the row objects are stored in
    resource: Resource
    subresource: str
    namespace: str
    name: str
    draft: Obj
    old: Obj | None
    user: User
    dry_run: bool
    options: Any = None
    warnings: list[str] = field(default_factory=list)
    audit: dict[str, str] = field(default_factory=dict)
    #: the version that was asked for, where it is not the one objects are stored in
    asked: Resource | None = None
    #: 1 when the first round is made again because a policy or webhook changed the object; `reinvoke` asks for it
    round: int = 0
    reinvoke: bool = False
    #: what a plug-in keeps from one round to the other
    memory: dict[str, Any] = field(default_factory=dict)

    async def compute(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, which is a function of the request: of a long one beside the event loop (see `Write`)."""
        return work()

    def forbidden(self, why: str) -> Forbidden:
        """A refusal that names the object, by its prefix as long as its name is not made."""
        meta = self.draft.get("metadata") or {}
        name = self.name or meta.get("name") or meta.get("generateName") or "Unknown"
        return errors.forbidden(self.resource.group_resource, name, why)


class Admission(Protocol):
    """What the verbs ask; `admission.chain.Chain` answers."""

    @property
    def quiet(self) -> bool:
        """No limits, quotas, policies or webhooks are configured: only the plug-ins that are always there have something to say."""
        ...

    async def admit(self, request: Request) -> None:
        """The first round, in which plug-ins may change `request.draft`. Raises StatusError to refuse."""
        ...

    async def validate(self, request: Request) -> None:
        """The second round, right before the object is stored: plug-ins only look. Raises StatusError to refuse."""
        ...

    async def each(self, resource: Resource, namespace: str) -> bool:
        """Whether some plug-in must see every new object there, even one that is made like another."""
        ...
