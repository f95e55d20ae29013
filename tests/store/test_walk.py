"""Random walks over a store against a model that is a plain list of versions (Hypothesis)."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.store.conftest import opens_etcd
from tests.store.support import value
from tests.worlds.etcd import EtcdServer
from wherry.store.history import Bounds
from wherry.store.memory import MemoryStore
from wherry.store.protocol import Compacted, CompareFailed, Store, Watch
from wherry.store.sqlite import SQLiteStore

KEYS = st.sampled_from([f"{table}/{ns}/{name}" for table in ("pods", "pods.example.com") for ns in ("a", "ab") for name in "xyz"])
PREFIXES = st.sampled_from(["pods/", "pods/a/", "pods.example.com/ab/", "pods.example.com/", ""])
#: small, so that a walk of a few dozen writes meets each of them
BOUNDS = Bounds(records=12, seconds=None, unsorted_keys=2)


class Walk(RuleBasedStateMachine):
    """`versions` holds (key, deleted) of every write; the store must agree with it after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.versions: list[tuple[str, bool]] = []
        self.watches: list[tuple[Watch, str, list[int], int]] = []
        self.store = self.run(self.open())
        self.base = self.compacted = self.store.revision
        self.versions += [("", True)] * self.base  # what others wrote before

    async def open(self) -> Store:
        return MemoryStore(BOUNDS)

    async def together(self, calls: list[Any]) -> list[Any]:
        return await asyncio.gather(*calls, return_exceptions=True)

    def is_compacted(self, prefix: str, revision: int) -> bool:
        return revision < self.store.oldest

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def state(self, prefix: str, revision: int) -> dict[str, int]:
        live: dict[str, int] = {}
        for number, (key, deleted) in enumerate(self.versions[:revision], 1):
            live.pop(key, None)
            if not deleted and key.startswith(prefix):
                live[key] = number
        return live

    @rule(writes=st.lists(st.tuples(KEYS, st.booleans(), st.sampled_from(["whatever", "right", "wrong"])), min_size=1, max_size=6))
    def write(self, writes: list[tuple[str, bool, str]]) -> None:
        """Several writes at once: on a durable store they share commits."""
        expected = []
        calls = []
        for key, delete, expectation in writes:
            now = self.state("", len(self.versions)).get(key, 0)
            expect = {"whatever": None, "right": now, "wrong": now + 1}[expectation]
            good = expectation != "wrong" and not (delete and not now)
            expected.append(len(self.versions) + 1 if good else None)
            if good:
                self.versions.append((key, delete))
            calls.append(self.store.delete(key, expect=expect) if delete else self.store.put(key, value(), expect=expect))
        for result, revision in zip(self.run(self.together(calls)), expected, strict=True):
            if revision is None:
                assert isinstance(result, CompareFailed)
            else:
                assert result.revision == revision

    @rule(prefix=PREFIXES, back=st.integers(0, 14), limit=st.integers(0, 4))
    def read(self, prefix: str, back: int, limit: int) -> None:
        revision = max(1, self.base, len(self.versions) - back)
        if revision > len(self.versions):
            return
        want = sorted(self.state(prefix, revision).items())
        if self.is_compacted(prefix, revision):
            with pytest.raises(Compacted):
                self.run(self.store.range(prefix, revision=revision))
            return
        after, found = "", []
        while True:
            page = self.run(self.store.range(prefix, revision=revision, after=after, limit=limit))
            found += [(r.key, r.revision) for r in page.records]
            assert page.remaining == len(want) - len(found)
            if not page.remaining:
                break
            after = page.records[-1].key
        assert found == want

    @rule(prefix=PREFIXES, back=st.integers(0, 14))
    def watch(self, prefix: str, back: int) -> None:
        after = max(0, len(self.versions) - back)
        if after < self.store.oldest:
            with pytest.raises(Compacted):
                self.store.watch(prefix, after=after)
        else:
            self.watches.append((self.store.watch(prefix, after=after), prefix, [], after))

    @rule(back=st.integers(0, 5))
    def compact(self, back: int) -> None:
        async def on_the_loop(revision: int) -> None:
            self.store.compact(revision)

        revision = max(0, len(self.versions) - back)
        self.compacted = max(self.compacted, revision)
        self.run(on_the_loop(revision))

    @rule()
    def catch_up(self) -> None:
        for watch, prefix, seen, after in self.watches:
            want = [n for n, (key, _) in enumerate(self.versions, 1) if n > after and key.startswith(prefix)]
            while len(seen) < len(want):
                seen.extend(r.revision for r in self.run(anext(watch)))
            assert seen == want

    @invariant()
    def agrees(self) -> None:
        assert self.store.revision == len(self.versions)
        live = {r.key: r.revision for r in self.run(self.store.range("")).records}
        assert live == self.state("", len(self.versions))
        assert self.store.size("pods") == sum(1 for key in live if key.startswith("pods/"))

    def teardown(self) -> None:
        self.catch_up()
        self.run(self.store.close())
        self.loop.close()


class DurableWalk(Walk):
    """The same, with restarts."""

    def __init__(self) -> None:
        # memory where there is some: a thousand restarts would wait for the disk, and test_crash tests that
        self.directory = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        super().__init__()

    async def open(self) -> Store:
        return await SQLiteStore.open(Path(self.directory.name), BOUNDS)

    @rule()
    def restart(self) -> None:
        self.catch_up()
        self.watches.clear()
        oldest = self.store.oldest
        self.run(self.store.close())
        self.store = self.run(self.open())
        assert self.store.oldest <= max(oldest, len(self.versions) - 12)

    def teardown(self) -> None:
        super().teardown()
        self.directory.cleanup()


class EtcdWalk(Walk):
    """The same on etcd, one write after the other: who of several at once comes first is for etcd to say. With restarts."""

    server: EtcdServer

    def __init__(self) -> None:
        self.open_store = opens_etcd(self.server)
        super().__init__()

    async def open(self) -> Store:
        return await self.open_store(BOUNDS)

    async def together(self, calls: list[Any]) -> list[Any]:
        return [(await asyncio.gather(call, return_exceptions=True))[0] for call in calls]

    def is_compacted(self, prefix: str, revision: int) -> bool:
        """What the log has forgotten, etcd still knows, of one table."""
        return revision < (self.store.oldest if not prefix else self.compacted)

    @rule()
    def restart(self) -> None:
        self.catch_up()
        self.watches.clear()
        self.run(self.store.close())
        self.store = self.run(self.open())
        assert self.store.oldest == self.store.revision == len(self.versions)


QUICK = {"stateful_step_count": 25, "deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize(("walk", "examples"), [(Walk, 60), (DurableWalk, 25)], ids=["memory", "sqlite"])
def test_a_store_agrees_with_the_model_after_every_step(walk: type[Walk], examples: int) -> None:
    run_state_machine_as_test(walk, settings=settings(max_examples=examples, **QUICK))


@pytest.mark.etcd
def test_a_store_over_etcd_agrees_with_the_model_after_every_step(etcd_server: EtcdServer) -> None:
    walk = type("WalkOnThisServer", (EtcdWalk,), {"server": etcd_server})
    run_state_machine_as_test(walk, settings=settings(max_examples=8, **QUICK))
