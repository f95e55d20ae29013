"""An informer: a live copy of one resource's objects in memory, with indexes, that reads its owner's writes.

Controllers, scheduler and node agent read from it instead of asking the server. It lists, then watches; when a watch ends it goes on from
the last version, and lists again when that is too old. What its owner writes is absorbed at once (`absorb`), so a decision never rests on
a state older than the owner's own last write; the watch's later copy of it is then nothing new. Versions compare as numbers
(Kubernetes 1.35 made that part of the API).

Nothing ends it but being stopped: a server that refuses, an answer that cannot be read, a handler or an index that raises are told (in the
log, and as a part that is ill) and tried again. Handlers are called within `absorb` too, so they must not wait, and what they raise never
reaches who wrote.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import aclosing

from wherry.api.errors import Gone, NotFound, StatusError
from wherry.api.objects import Obj, controller_of, key, version
from wherry.api.resources import Resource
from wherry.client.protocol import Client
from wherry.client.scope import Scope
from wherry.kit.health import Health
from wherry.kit.turns import turn

log = logging.getLogger(__name__)

Handler = Callable[[Obj | None, Obj | None], None]
IndexBy = Callable[[Obj], Iterable[str]]

#: seconds between tries when the server cannot be reached
RETRY_EVERY = 1.0
#: seconds until a resource that the server does not serve is asked for again
NOT_SERVED_EVERY = 30.0
#: seconds until the same trouble is told again
TELL_EVERY = 60.0
#: seconds that a watch must be open for trouble before it to be over, when nothing comes
WELL_AFTER = 5.0


def by_namespace(obj: Obj) -> Iterable[str]:
    return (obj["metadata"].get("namespace", ""),)


def by_owner(obj: Obj) -> Iterable[str]:
    """The uid of the managing controller; "" for an object without one."""
    ref = controller_of(obj)
    return (ref["uid"] if ref else "",)


def by_node(pod: Obj) -> Iterable[str]:
    """The name of the node that a pod is on; nothing for one that is on none. To be added as the index "node"."""
    node = pod["spec"].get("nodeName")
    return (node,) if node else ()


class Informer:
    """Handlers are called with (old, new); None stands for absent. Objects are shared: never change them."""

    def __init__(self, client: Client, scope: Scope, health: Health | None = None) -> None:
        self.scope = scope
        self._client = client
        self._health = health or Health()
        self._objects: dict[str, Obj] = {}
        #: with the name of the part in whose name each is called
        self._handlers: list[tuple[Handler, str]] = []
        #: the parts among them whose handler raised last time
        self._failing: set[str] = set()
        self._index_by: dict[str, IndexBy] = {"namespace": by_namespace, "owner": by_owner}
        self._indexes: dict[str, dict[str, dict[str, Obj]]] = {"namespace": {}, "owner": {}}
        #: key -> uid of what a delete of ours removed and the watch has not shown gone yet
        self._gone: dict[str, str] = {}
        self._synced = asyncio.Event()
        #: what was told last, and when
        self._told = ("", 0.0)
        #: how often it listed and watched, and what came of watching
        self.lists, self.watches, self.events = 0, 0, 0

    @property
    def resource(self) -> Resource:
        return self.scope.resource

    @property
    def part(self) -> str:
        """Its name among the parts that may be ill."""
        return f"informer {self.scope}"

    # --- reading ---
    def get(self, key: str) -> Obj | None:
        return self._objects.get(key)

    def items(self) -> Iterable[Obj]:
        return self._objects.values()

    def names(self) -> Iterable[str]:
        """The keys of what is there."""
        return self._objects.keys()

    def __len__(self) -> int:
        return len(self._objects)

    def by_index(self, name: str, value: str) -> list[Obj]:
        found = self._indexes[name].get(value)
        return list(found.values()) if found else []

    def count(self, name: str, value: str) -> int:
        return len(self._indexes[name].get(value, ()))

    async def synced(self) -> None:
        """Returns once the first list is in."""
        await self._synced.wait()

    # --- setting up ---
    def add_handler(self, handler: Handler, owner: str = "") -> None:
        """Called for every change from now on; and at once for what is there. `owner`: whose it is, for what is said when it raises."""
        part = f"{owner or getattr(handler, '__qualname__', 'a handler')} ({self.part})"
        self._handlers.append((handler, part))
        for obj in list(self._objects.values()):
            self._tell(None, obj, ((handler, part),))

    def add_index(self, name: str, index_by: IndexBy) -> None:
        """Several parts may add one index. Raises ValueError for another one of its name, which a reader would take for his own."""
        if (there := self._index_by.get(name)) is not None:
            if getattr(there, "__code__", there) is not getattr(index_by, "__code__", index_by):
                raise ValueError(f"{self.resource.plural} have an index {name} of something else already")
            return
        self._index_by[name] = index_by
        self._indexes[name] = {}
        for at, obj in self._objects.items():
            for value in self._values(name, obj):
                self._indexes[name].setdefault(value, {})[at] = obj

    # --- own writes ---
    def absorb(self, obj: Obj) -> None:
        """Take in an object that a write of ours returned."""
        at = key(obj)
        if self._gone.get(at) == obj["metadata"]["uid"]:
            return
        if self.scope.whole or self.scope.selects(obj):
            self._put(at, obj)
        elif (old := self._objects.get(at)) is not None and version(old) < version(obj):
            self._drop(at)  # the write took it out of the selection

    def absorb_deleted(self, obj: Obj) -> None:
        """Take in that a delete of ours removed `obj`."""
        at = key(obj)
        current = self._objects.get(at)
        if current is not None and current["metadata"]["uid"] == obj["metadata"]["uid"]:
            self._gone[at] = obj["metadata"]["uid"]
            self._drop(at)

    # --- the loop ---
    async def run(self) -> None:
        """List and watch until cancelled."""
        resume = ""
        while True:
            try:
                if not resume:
                    resume = await self._relist()
                resume = await self._follow(resume)
            except Gone:
                resume = ""
            except NotFound:
                self._synced.set()  # not served there (an older server): there is none
                await asyncio.sleep(NOT_SERVED_EVERY)
            except (StatusError, OSError) as error:
                self._trouble(error)
                await asyncio.sleep(RETRY_EVERY)
            except Exception as error:
                # a fault of ours, or an answer that is none: what was taken in by half is read again
                self._trouble(error, trace=True)
                resume = ""
                await asyncio.sleep(RETRY_EVERY)

    def _trouble(self, error: Exception, *, trace: bool = False) -> None:
        """Told once a minute, and as soon as it is another one."""
        text = str(error) or type(error).__name__
        self._health.failed(self.part, text)
        now, (last, at) = asyncio.get_running_loop().time(), self._told
        if text != last or now - at >= TELL_EVERY:
            self._told = text, now
            log.warning("%s: %s; tried again every %.3g s", self.part, text, RETRY_EVERY, exc_info=error if trace else None)

    def _well(self) -> None:
        if self._told[0]:
            log.info("%s follows again", self.part)
            self._told = "", 0.0
            self._health.well(self.part)

    async def _relist(self) -> str:
        _, within, by_label, by_field = self.scope
        self.lists += 1
        listing = await self._client.list(self.resource, within, label_selector=by_label, field_selector=by_field)
        present = set()
        for obj in listing.items:
            at = key(obj)
            present.add(at)
            self._put(at, obj)
        for at in [k for k in self._objects if k not in present]:
            self._drop(at)
        self._gone.clear()
        self._synced.set()
        return listing.resource_version

    async def _follow(self, resume: str) -> str:
        _, within, by_label, by_field = self.scope
        self.watches += 1
        stream = self._client.watch(
            self.resource, within, resource_version=resume, label_selector=by_label, field_selector=by_field
        )
        quiet = asyncio.get_running_loop().call_later(WELL_AFTER, self._well) if self._told[0] else None
        try:
            async with aclosing(stream) as batches:  # type: ignore[type-var]
                async for batch in batches:
                    self._well()
                    self.events += len(batch)
                    for event in batch:
                        await turn()
                        self._take(event.type, event.object)
                        resume = event.object["metadata"]["resourceVersion"]
        finally:
            if quiet is not None:
                quiet.cancel()
        return resume

    def _take(self, kind: str, obj: Obj) -> None:
        if kind == "BOOKMARK":
            return
        at = key(obj)
        if kind == "DELETED":
            if self._gone.get(at) == obj["metadata"]["uid"]:
                del self._gone[at]
            current = self._objects.get(at)
            if current is not None and version(current) <= version(obj):
                self._drop(at)
        elif self._gone.get(at) != obj["metadata"]["uid"]:
            self._put(at, obj)

    def _put(self, at: str, obj: Obj) -> None:
        old = self._objects.get(at)
        if old is not None and version(old) >= version(obj):
            return
        self._objects[at] = obj
        for name, index in self._indexes.items():
            values = self._values(name, obj)
            if old is not None:
                for value in self._values(name, old):
                    if value not in values:
                        _unindex(index, value, at)
            for value in values:
                index.setdefault(value, {})[at] = obj
        self._tell(old, obj)

    def forget(self) -> None:
        """Everything is gone, as the handlers are told."""
        for at in list(self._objects):
            self._drop(at)

    def _drop(self, at: str) -> None:
        old = self._objects.pop(at)
        for name, index in self._indexes.items():
            for value in self._values(name, old):
                _unindex(index, value, at)
        self._tell(old, None)

    def _values(self, name: str, obj: Obj) -> Iterable[str]:
        """Under what an index has the object; under nothing when the index cannot read it."""
        try:
            return self._index_by[name](obj)
        except Exception as error:
            part = f"index {name} ({self.part})"
            self._health.failed(part, f"{type(error).__name__}: {error}")
            log.exception("%s cannot read %s", part, key(obj))
            return ()

    def _tell(self, old: Obj | None, new: Obj | None, handlers: Iterable[tuple[Handler, str]] | None = None) -> None:
        """Every handler hears it, also when one before it failed. (One loop, no call per handler: every pod's news passes here.)"""
        for handler, part in self._handlers if handlers is None else handlers:
            try:
                handler(old, new)
            except Exception as error:
                self._failing.add(part)
                self._health.failed(part, f"{type(error).__name__}: {error}")
                log.exception("%s failed about %s", part, key(new or old or {"metadata": {"name": ""}}))
            else:
                if self._failing and part in self._failing:
                    self._failing.discard(part)
                    self._health.well(part)


def _unindex(index: dict[str, dict[str, Obj]], value: str, at: str) -> None:
    found = index.get(value)
    if found is not None:
        found.pop(at, None)
        if not found:
            del index[value]


class Informers:
    """One shared informer per scope. `health`: where it is noted that one cannot follow, or cannot hand on what it hears."""

    def __init__(self, client: Client, health: Health | None = None) -> None:
        self._client = client
        self.health = health or Health()
        self._informers: dict[Scope, Informer] = {}
        self._of: dict[Resource, list[Informer]] = {}
        self._tasks: dict[Scope, asyncio.Task[None]] = {}
        self._running = False

    def of(self, resource: Resource, *, namespace: str = "", label_selector: str = "", field_selector: str = "") -> Informer:
        """The informer of a resource, or of those of its objects that are selected; starts with the others, or at once when they run."""
        scope = Scope(resource, namespace, label_selector, field_selector)
        found = self._informers.get(scope)
        if found is None:
            found = self._informers[scope] = Informer(self._client, scope, self.health)
            self._of.setdefault(resource, []).append(found)
            if self._running:
                self._start(scope)
        return found

    def drop(self, resource: Resource) -> None:
        """The resource is not served any more: its informers end, and take what they knew with them."""
        for informer in self._of.pop(resource, ()):
            del self._informers[informer.scope]
            if (task := self._tasks.pop(informer.scope, None)) is not None:
                task.cancel()
            self.health.well(informer.part)
            informer.forget()

    def all(self) -> list[Informer]:
        return list(self._informers.values())

    async def start(self) -> None:
        """Starts all and returns when each has its first list."""
        self._running = True
        for scope in list(self._informers):
            self._start(scope)
        for informer in list(self._informers.values()):
            await informer.synced()

    async def stop(self) -> None:
        self._running = False
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    def absorb(self, resource: Resource, obj: Obj) -> None:
        """Take in what a write of the owner's returned, wherever it belongs."""
        for informer in self._of.get(resource, ()):
            informer.absorb(obj)

    def absorb_deleted(self, resource: Resource, obj: Obj) -> None:
        """Take in that a delete of the owner's removed it."""
        for informer in self._of.get(resource, ()):
            informer.absorb_deleted(obj)

    def _start(self, scope: Scope) -> None:
        if scope not in self._tasks:
            self._tasks[scope] = asyncio.create_task(self._informers[scope].run(), name=f"informer {scope}")
