"""The store's protocol: an ordered log of versions of opaque values under string keys.

The registry is the only writer. A key is `table/rest...`; the part before the first `/` is its table (one per resource), which is what
watches and indexes go by. Revisions count all writes of the store, starting at 1, and never repeat.
Model: etcd v3 (https://etcd.io/docs/v3.5/learning/api/), reduced to what an API server needs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, Protocol

import msgspec

from wherry.api.errors import StatusError
from wherry.errors import WherryError


class Encoded(NamedTuple):
    """A value to store: its bytes and, where the writer has it at hand, the object they decode to (never changed once it is stored).

    Neither knows the revision yet; see `wherry.store.stamp`.
    """

    value: bytes
    obj: Any = None


class Record:
    """One version of one key. Shared by all readers and never changed, but for `cache`, which holds what was derived from it."""

    __slots__ = ("cache", "create_revision", "deleted", "key", "obj", "prev", "revision", "value")

    def __init__(self, key: str, encoded: Encoded, revision: int, create_revision: int, deleted: bool, prev: Record | None) -> None:
        self.key = key
        self.value = encoded.value  # as it is sent, with its revision; of a deletion: the object's last state, with the deletion's
        self.obj = encoded.obj
        self.revision = revision
        self.create_revision = create_revision
        self.deleted = deleted
        self.prev = prev  # the version before, while history keeps it
        self.cache: dict[Any, Any] | None = None

    def object(self) -> Any:
        """The decoded value: decoded once, shared by all."""
        if self.obj is None:
            self.obj = msgspec.json.decode(self.value)
        return self.obj


class Range(NamedTuple):
    """The live records of a prefix in key order, at `revision`; `remaining` counts those that a limit cut off."""

    records: list[Record]
    revision: int
    remaining: int


class CompareFailed(Exception):
    """The key is not at the expected revision; `current` is its live record, or None."""

    def __init__(self, key: str, current: Record | None) -> None:
        super().__init__(key)
        self.current = current


class Compacted(Exception):
    """The revision asked for is older than the history kept, or a watcher fell too far behind; `oldest` is the first revision kept."""

    def __init__(self, revision: int, oldest: int) -> None:
        super().__init__(f"revision {revision} has been compacted, history starts at {oldest}")
        self.revision, self.oldest = revision, oldest


class FutureRevision(Exception):
    """The revision asked for has not happened yet; `current` is the newest."""

    def __init__(self, revision: int, current: int) -> None:
        super().__init__(f"revision {revision} is in the future, current is {current}")
        self.revision, self.current = revision, current


class Claim(NamedTuple):
    """That nobody else decides about the same thing: `name` says about what, `revision` when it was decided last."""

    name: str
    revision: int


class ClaimLost(Exception):
    """Another server has decided about the same thing meanwhile: it is to be decided again, on what is there now."""


class StoreFailed(StatusError):
    """The storage below gave an error, or the store is closed: the write did not happen, or nobody knows whether it did.

    Of the API's tree, so that whoever catches what a server may answer catches this too: a 500 without a reason, as the reference answers
    when etcd refuses. What is read is not touched by it; writes are tried again by whoever wants them.
    """


class StoreError(WherryError):
    """The store cannot be opened: it is in use, of a newer version, or damaged. The message says which, and where."""


class Watch(Protocol):
    """An iterator of batches: every record under the prefix after the start revision, once, in order.

    Raises Compacted from `__anext__` when it fell behind more than its buffer; ends when the store closes.
    """

    def __aiter__(self) -> AsyncIterator[list[Record]]: ...
    async def __anext__(self) -> list[Record]: ...
    def close(self) -> None: ...


class Part(NamedTuple):
    """What a watcher wants of a table: the records for which `of` says `value`. The same `name` means the same `of`."""

    name: str
    of: Callable[[Record], str]
    value: str


#: called with a record that was written
Follower = Callable[[Record], None]

class Store(Protocol):
    """All methods are called from one event loop. What a read returns and what a watch delivers is durable.

    `revision`, `oldest`, `size`, `range`, `follow` and `watch` answer from the log as it is known here. For a store in this process that is
    everything; one on another machine may be ahead, and its log here goes on by what it is told. Three things hold for every store: `get`
    is exact at some moment after it was called; a write compares with what is there, not with what is known here; and when a write of this
    process is answered, the log here has it. So a decision that rests on an older log is refused by the comparison, and made again.
    """

    @property
    def revision(self) -> int:
        """The newest revision known here: what was written here and acknowledged is not newer."""
        ...

    @property
    def oldest(self) -> int:
        """The first revision a watch may start after (older ones are compacted)."""
        ...

    @property
    def failure(self) -> str:
        """Why nothing can be written now, "" while writing works. It ends by itself when the storage works again."""
        ...

    def known(self, key: str) -> Record | None:
        """The live record of a key as known here."""
        ...

    async def get(self, key: str) -> Record | None:
        """The live record of a key, exact. Raises StoreFailed."""
        ...

    async def settle(self) -> None:
        """Until the log here has all that was acknowledged anywhere before the call. Raises StoreFailed."""
        ...

    async def reach(self, revision: int, patience: float) -> bool:
        """Until the log here has all up to `revision`, which a client has seen elsewhere; False after `patience` seconds."""
        ...

    async def range(self, prefix: str, *, revision: int = 0, after: str = "", limit: int = 0) -> Range:
        """Live records whose key starts with `prefix` and is greater than `after`; at an older `revision` if given.

        Raises Compacted, FutureRevision.
        """
        ...

    async def claim(self, name: str) -> Claim | None:
        """For a decision about many objects (addresses that are free), taken on the log after this, and written with `put`.

        None: within this process nobody else decides, for whoever takes a lock. Raises StoreFailed.
        """
        ...

    async def put(self, key: str, encoded: Encoded, *, expect: int | None = None, claim: Claim | None = None) -> Record:
        """Write a version; returns once it is durable. `expect` 0: must not exist; N: must be at revision N; None: whatever.

        Nothing comes between the comparison and the write. Raises CompareFailed, StoreFailed; ClaimLost when somebody has written with a
        claim of the same name since.
        """
        ...

    async def delete(self, key: str, last: Encoded | None = None, *, expect: int | None = None) -> Record:
        """Write a deletion. Watchers see the newest version, or `last` in its place; who cannot do both at once writes `last` first.

        Raises CompareFailed (also when absent), StoreFailed.
        """
        ...

    def watch(self, prefix: str, *, after: int, part: Part | None = None) -> Watch:
        """Every record with revision > `after` under `prefix`, deletions included. Raises Compacted, FutureRevision.

        `part`: those that are or were of it are enough; others may come too.
        """
        ...

    def compact(self, revision: int) -> None:
        """Forget history up to and including `revision` (live records stay)."""
        ...

    def is_stale(self, key: str) -> bool:
        """The same object would be stored in another form now, with another key: an update writes it even when nothing else changes."""
        ...

    def size(self, table: str) -> int:
        """How many live keys a table has, as known here."""
        ...

    def follow(self, table: str, hear: Follower) -> Callable[[], None]:
        """Call with every record of the table ("": of all) from now on, in order, whoever wrote it; gives what ends that.

        A record is durable and visible when it is heard of, and its writer, if he is of this process, is not answered before. `hear` must
        not write, wait or raise; what it raises is told and reaches nobody.
        """
        ...

    async def close(self) -> None: ...
