"""All workloads of chosen namespaces as cards, kept current by informers; for the pages of whoever sees with this client's rights.

Called by `streams` for each open page. News of some milliseconds go in together; a workload whose look takes long is looked at more seldom,
so that one of thousands of pods does not stop the others. Invariant: a page that follows has, after each batch, what `cards` has.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from wherry.api.objects import Obj, controller_of, key, name, namespace
from wherry.api.resources import Resource
from wherry.client.informer import Informer, Informers
from wherry.client.protocol import Client
from wherry.kit.health import Health
from wherry.rollout.cards import Card, card
from wherry.rollout.revisions import newest, of_sources, typed
from wherry.rollout.snapshot import snapshot
from wherry.rollout.step_status import shown_steps
from wherry.rollout.targets import CONTROLLER_REVISIONS, DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS, ROLLED, Named

#: seconds in which news are gathered; a look that took long rests this many times as long
GATHER, REST = 0.03, 10.0
#: seconds without news after which rollouts under way are looked at, because deadlines come nearer and pods overdue by themselves
EVERY = 2.0
#: so many moments of a rollout are kept for its chart
SAMPLES = 600
_SLICE = 0.01
#: seconds after which the board is shown without what was not read by then
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Ready pods at one moment. `at`: seconds since 1970."""

    at: float
    revision: int
    wanted: int
    new: int
    old: int
    starting: int
    terminating: int


class Subscription:
    """What one open page has not been told yet: ids only, so a page that does not read costs no more than there are workloads."""

    def __init__(self) -> None:
        self._changed: set[str] = set()
        self._news = asyncio.Event()

    def tell(self, ids: Iterable[str]) -> None:
        self._changed.update(ids)
        self._news.set()

    async def next(self, seconds: float) -> set[str]:
        """The ids of what changed; empty when nothing did for that long."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return set()
        self._news.clear()
        changed, self._changed = self._changed, set()
        return changed


class Board:
    """`namespaces`: none for all. `start` before anything else; `stop` at the end."""

    def __init__(self, client: Client, namespaces: Sequence[str] = (), now: Callable[[], float] = time.time) -> None:
        self.cards: dict[str, Card] = {}
        self.health = Health()
        self._now = now
        self._informers = Informers(client, self.health)
        within = namespaces or ("",)
        self._of: dict[Resource, list[Informer]] = {
            row: [self._informers.of(row, namespace=each) for each in within]
            for row in (*ROLLED, REPLICA_SETS, CONTROLLER_REVISIONS, PODS, EVENTS)
        }
        #: the uid of a workload, or of a ReplicaSet of it -> its id
        self._ids: dict[str, str] = {}
        self._targets: dict[str, tuple[Resource, str]] = {}
        self._samples: dict[str, deque[Sample]] = {}
        self._dirty: set[str] = set()
        #: id -> when, on the loop's clock, it may be looked at again
        self._rests: dict[str, float] = {}
        self._news = asyncio.Event()
        self._subscriptions: set[Subscription] = set()
        self._task: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self.failed = ""

    async def start(self) -> None:
        """Returns when all is read, or after PATIENCE; what may not be read is told by `trouble`."""
        for informer in self._of[EVENTS]:
            informer.add_index("about", _about)
        for row in ROLLED:
            for informer in self._of[row]:
                informer.add_handler(self._workload(row), "dashboard")
        for informer in self._of[REPLICA_SETS]:
            informer.add_handler(self._replica_set, "dashboard")
        for row in (CONTROLLER_REVISIONS, PODS):
            for informer in self._of[row]:
                informer.add_handler(self._owned, "dashboard")
        for informer in self._of[EVENTS]:
            informer.add_handler(self._event, "dashboard")
        self._starting = asyncio.create_task(self._informers.start())
        await asyncio.wait((self._starting,), timeout=PATIENCE)
        await self._look_at_dirty()
        self._task = asyncio.create_task(self._run(), name="board")

    async def stop(self) -> None:
        tasks = [each for each in (self._task, self._starting) if each is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._informers.stop()

    def trouble(self) -> list[str]:
        """What cannot be read or followed, each with its reason."""
        return [f"{part}: {why}" for part, why in self.health.ill.items()] + ([self.failed] if self.failed else [])

    def subscribe(self) -> Subscription:
        made = Subscription()
        self._subscriptions.add(made)
        return made

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)

    def samples(self, id: str) -> list[Sample]:
        """The moments of its last rollouts since the board began, oldest first."""
        return list(self._samples.get(id, ()))

    # --- news ---
    def _workload(self, row: Resource) -> Callable[[Obj | None, Obj | None], None]:
        def changed(old: Obj | None, new: Obj | None) -> None:
            there = new or old
            assert there is not None
            id = f"{namespace(there)}/{row.plural}/{name(there)}"
            if new is None:
                self._targets.pop(id, None)
                self._ids.pop(there["metadata"]["uid"], None)
            else:
                self._targets[id] = (row, key(new))
                self._ids[new["metadata"]["uid"]] = id
            self._mark(id)

        return changed

    def _replica_set(self, old: Obj | None, new: Obj | None) -> None:
        there = new or old
        assert there is not None
        id = self._ids.get((controller_of(there) or {}).get("uid", ""))
        if new is None:
            self._ids.pop(there["metadata"]["uid"], None)
        elif id is not None:
            self._ids[new["metadata"]["uid"]] = id
        self._mark(id)

    def _owned(self, old: Obj | None, new: Obj | None) -> None:
        self._mark(self._ids.get((controller_of(new or old or {"metadata": {}}) or {}).get("uid", "")))

    def _event(self, old: Obj | None, new: Obj | None) -> None:
        """An event changes a card when its workload is not done: it may be the cause."""
        about = ((new or {}).get("involvedObject") or {}) if new and new.get("type") == "Warning" else {}
        for row in (PODS, *ROLLED, REPLICA_SETS):
            if row.kind == about.get("kind"):
                found = self._find(row, f"{about.get('namespace', '')}/{about.get('name', '')}")
                if found is not None:
                    uid = found["metadata"]["uid"] if row in ROLLED or row is REPLICA_SETS else (controller_of(found) or {}).get("uid", "")
                    self._mark(self._ids.get(uid))

    def _mark(self, id: str | None) -> None:
        if id is not None:
            self._dirty.add(id)
            self._news.set()

    # --- looking ---
    async def _run(self) -> None:
        while True:
            try:
                # not wait_for, which in Python 3.11 forgets a cancellation that comes together with the news
                async with asyncio.timeout(EVERY):
                    await self._news.wait()
            except TimeoutError:
                self._dirty.update(id for id, each in self.cards.items() if each.state not in ("done", "empty", "paused"))
            await asyncio.sleep(GATHER)
            self._news.clear()
            try:
                await self._look_at_dirty()
                self.failed = ""
            except Exception as error:
                # told on the page; the next news try again
                self.failed = f"board: {type(error).__name__}: {error}"

    async def _look_at_dirty(self) -> None:
        """Cards anew of all that changed, a slice at a time, and then tell the pages."""
        loop = asyncio.get_running_loop()
        changed: set[str] = set()
        pending, self._dirty = self._dirty, set()
        began = loop.time()
        for id in pending:
            at = loop.time()
            if self._rests.get(id, 0.0) > at:
                self._dirty.add(id)
                loop.call_at(self._rests[id], self._news.set)
                continue
            if self._look(id):
                changed.add(id)
            took = loop.time() - at
            self._rests.pop(id, None)
            if took > GATHER / REST:
                self._rests[id] = loop.time() + took * REST
            if loop.time() - began > _SLICE:
                await asyncio.sleep(0)
                began = loop.time()
        if changed:
            for each in self._subscriptions:
                each.tell(changed)

    def _look(self, id: str) -> bool:
        """Whether its card is another one now."""
        before, after = self.cards.get(id), self._card(id)
        if after is None:
            self._samples.pop(id, None)
            return self.cards.pop(id, None) is not None
        self.cards[id] = after
        self._sample(id, after)
        return before != after

    def _card(self, id: str) -> Card | None:
        target = self._targets.get(id)
        if target is None or (found := self._find(*target)) is None:
            return None
        row, _ = target
        workload = typed(row, found)
        uid = workload["metadata"]["uid"]
        kept = REPLICA_SETS if row is DEPLOYMENTS else CONTROLLER_REVISIONS
        sources = [typed(kept, each) for each in self._by(kept, "owner", uid)]
        owners = [each["metadata"]["uid"] for each in sources] if row is DEPLOYMENTS else [uid]
        pods = [typed(PODS, pod) for owner in owners for pod in self._by(PODS, "owner", owner)]
        names = {each["metadata"]["name"] for each in (workload, *sources, *pods)}
        within = namespace(workload)
        events = [event for each in names for event in self._by(EVENTS, "about", f"{within}/{each}")]
        revisions = of_sources(Named(row, name(workload)), workload, sources)
        shown = snapshot(workload, f"{row.plural}/{name(workload)}", revisions, newest(workload, sources), pods, events, self._now())
        return card(workload, row.plural, shown, shown_steps(workload, sources, pods, self._now()))

    def _find(self, row: Resource, at: str) -> Obj | None:
        return next((found for informer in self._of[row] if (found := informer.get(at)) is not None), None)

    def _by(self, row: Resource, index: str, value: str) -> list[Obj]:
        return [obj for informer in self._of[row] for obj in informer.by_index(index, value)]

    def _sample(self, id: str, found: Card) -> None:
        new = sum(line.ready for line in found.revisions if line.newest)
        made = Sample(
            self._now(), found.revision, found.wanted, new, found.ready - new, sum(line.starting for line in found.revisions),
            sum(line.terminating for line in found.revisions),
        )  # fmt: skip
        kept = self._samples.setdefault(id, deque(maxlen=SAMPLES))
        last = kept[-1] if kept else None
        if last is None or (last.revision, last.wanted, last.new, last.old, last.starting, last.terminating) != (
            made.revision, made.wanted, made.new, made.old, made.starting, made.terminating,
        ):  # fmt: skip
            kept.append(made)


def _about(event: Obj) -> Iterable[str]:
    """Of what is still told: the object's namespace and name."""
    about = event.get("involvedObject") or {}
    return (f"{about.get('namespace', '')}/{about.get('name', '')}",)
