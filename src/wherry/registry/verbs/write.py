"""A write on its way: one value that goes through the stages of `pipeline`, each of which reads and fills in some of it.

Made by `Registry` (or by whoever changes an object from inside, see `updates.change_status`), given to a verb, which runs the stages. What
admission sees of it is its base, `Request`. Invariant: `old` and `current` are shared and never changed; `draft` is private.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, TypeVar

from wherry.api import errors
from wherry.api.errors import NotFound
from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions, Target, User, WriteOptions
from wherry.api.resources import Resource
from wherry.kit.offload import LONG, offload
from wherry.registry.core import Core
from wherry.registry.request import Operation, Request
from wherry.registry.results import Body, RawBody, Written
from wherry.rules.custom import kind as custom_kinds
from wherry.rules.objects.strategy import Strategy
from wherry.rules.writing.managed_fields import Reset
from wherry.store.protocol import Claim, Record

#: one step of a write: changes it, or raises StatusError; may wait. What it does before it returns may happen in a worker thread (see
#: `Write.is_long`): it changes nothing but the write, and what has to meet the event loop or the store is in what it waits for
Stage = Callable[["Write"], Awaitable[None] | None]
T = TypeVar("T")
#: a private draft from the write's `old`; may add to its warnings. Called once for every try
Make = Callable[["Write"], Obj]


#: from so many bytes on a custom object is long whose definition has rules: they may look at each pair of what is in it
LONG_WITH_RULES = 1024


class Patch(NamedTuple):
    """The body of a patch: its media type, and the body as it came or already decoded."""

    type: str
    content: bytes | object


class View(Protocol):
    """A (sub)resource: how it shows the stored object, and what writing to it does. The table of all is `registry.subresources`."""

    async def read(self, core: Core, target: Target, resource_version: str = "") -> Record: ...
    async def create(self, write: Write) -> Written: ...
    async def update(self, write: Write) -> Written: ...
    async def patch(self, write: Write) -> Written: ...

    def strategy(self, core: Core, row: Resource) -> Strategy:
        """The rules under which the object is written through this view."""
        ...

    def form(self, row: Resource) -> Resource:
        """The kind of what is shown and sent, in the version asked for."""
        ...

    def reset(self, write: Write) -> Reset | None:
        """What writes through this view do not own; None: what is usual for the kind."""
        ...

    def shown(self, write: Write) -> Obj:
        """`write.old` in that form: what a patch changes."""
        ...

    def live(self, write: Write) -> Obj:
        """The same with the managedFields that an apply is merged by."""
        ...

    def merged(self, write: Write, sent: Obj) -> Obj:
        """A draft of the stored object from what was sent, or from the result of a patch: decoded, in the view's form."""
        ...

    def track(self, write: Write) -> None:
        """Sets the draft's managedFields to what they are after the write (KEP-555)."""
        ...

    def prepare(self, write: Write) -> None:
        """Brings back of `write.old` what this view does not write, and resets what only the system sets."""
        ...

    def errors(self, write: Write) -> Errors:
        """What is wrong with the change."""
        ...

    async def answered(self, core: Core, row: Resource, record: Record) -> Record:
        """A stored object as a client of this view gets it."""
        ...


class Write(Request):
    """One write, made before anything is known but who asks for what. (Written out, as it is made for every event and pod.)"""

    __slots__ = (
        "_strategy", "applied", "body", "claim", "core", "creates_on_update", "current", "make", "named", "record", "release", "target",
        "view",
    )  # fmt: skip

    def __init__(self, core: Core, target: Target, view: View, options: WriteOptions | DeleteOptions, user: User) -> None:
        super().__init__(
            "CREATE", core.table.storage(target.resource), target.subresource, target.namespace, target.name, {}, None, user,
            options.dry_run, options, [], {}, target.resource,
        )  # fmt: skip
        self.core, self.target, self.view = core, target, view
        self._strategy: Strategy | None = None
        self.body: Body | Patch | None = None
        self.make: Make | None = None
        #: what is stored now; None when nothing is
        self.current: Record | None = None
        #: the result of an apply, in the view's form: its managedFields are worked out already
        self.applied: Obj | None = None
        #: a PUT or apply of what is not there
        self.creates_on_update = False
        #: the name was drawn: if it is taken, another will be
        self.named = False
        #: gives back what a stage holds until the write is over
        self.release: Callable[[], None] | None = None
        #: for what was decided about many objects: no other server has, or the store refuses the write
        self.claim: Claim | None = None
        #: what the write became, or would become
        self.record: Record | None = None

    @property
    def row(self) -> Resource:
        """The version that was asked for."""
        return self.target.resource

    @property
    def strategy(self) -> Strategy:
        """The rules of the kind, as this view and version have them."""
        if self._strategy is None:
            self._strategy = self.view.strategy(self.core, self.target.resource)
        return self._strategy

    @property
    def is_long(self) -> bool:
        """What becomes of its body, or of the object that is there, is computed beside the event loop."""
        body = self.body
        size = len(body[0]) if isinstance(body, RawBody) else 0
        if isinstance(body, Patch) and isinstance(body.content, bytes):
            size = len(body.content)
        if self.current is not None:
            size = max(size, len(self.current.value))
        if size >= LONG:
            return True
        custom = custom_kinds.of(self.target.resource)
        return custom is not None and (not custom.is_compiled or (size >= LONG_WITH_RULES and custom.has_rules))

    async def compute(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, which is a function of the write: of a long one beside the event loop."""
        return await offload(work) if self.is_long else work()

    def begin(self, operation: Operation, current: Record | None, old: Obj | None) -> None:
        """A new try: what the one before left behind is dropped."""
        self.operation, self.current, self.old = operation, current, old
        self.draft, self.applied, self.record = {}, None, None
        self.warnings, self.audit, self.memory = [], {}, {}
        self.round, self.reinvoke = 0, False

    def stored(self) -> Record:
        """What the stages made of it."""
        assert self.record is not None, "the stages end with a record"
        return self.record

    def not_found(self) -> NotFound:
        return errors.not_found(self.resource.group_resource, self.target.name)
