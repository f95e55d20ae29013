"""Many restarts: their order, how many at a time, the pause between, and what happens after a failure."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.rollout.test_emulated_pause import stateful_set
from tests.rollout.workloads import DEPLOYMENTS, STATEFUL_SETS, deployment
from wherry import Cluster
from wherry.cli.main import main
from wherry.kit.virtual import run_virtual
from wherry.rollout import Rollout
from wherry.rollout.in_order import in_turn


def told(count: int, *, failing: str = "", at_once: int = 0, pause: float = 0.0) -> tuple[list[tuple[float, str]], list[str]]:
    """Beginnings and ends with their times; each piece of work takes ten seconds."""
    seen: list[tuple[float, str]] = []

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()

        async def work(item: str) -> bool:
            seen.append((loop.time(), item))
            await asyncio.sleep(10)
            seen.append((loop.time(), item.upper()))
            return item != failing

        return await in_turn("abcde"[:count], work, at_once=at_once, pause=pause)

    left = run_virtual(main())
    return seen, left


def test_all_at_once() -> None:
    seen, left = told(3)
    assert seen == [(0, "a"), (0, "b"), (0, "c"), (10, "A"), (10, "B"), (10, "C")]
    assert left == []


def test_two_at_a_time_in_their_order() -> None:
    assert [(at, who) for at, who in told(4, at_once=2)[0] if who.islower()] == [(0, "a"), (0, "b"), (10, "c"), (10, "d")]


def test_a_pause_between_one_and_the_next() -> None:
    assert [(at, who) for at, who in told(3, at_once=1, pause=5)[0]] == [(0, "a"), (10, "A"), (15, "b"), (25, "B"), (30, "c"), (40, "C")]


def test_after_a_failure_nothing_new_begins() -> None:
    seen, left = told(5, at_once=2, failing="a")
    assert [who for _, who in seen] == ["a", "b", "A", "B"]
    assert left == ["c", "d", "e"]
    assert told(2, at_once=1, failing="a")[1] == ["b"]


# --- the command ---
@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2) as running:
        client: Any = running.client
        for name in ("one", "two"):
            client.create(DEPLOYMENTS, "default", deployment(name))
        client.create(STATEFUL_SETS, "default", stateful_set())
        client.create(DEPLOYMENTS, "default", deployment("stuck", "nginx:999.1", progressDeadlineSeconds=1))
        yield running


@pytest.fixture
def run(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def ran(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["wherry", "rollout", *words, "--kubeconfig", cluster.kubeconfig])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return ran


def test_restart_waits_for_one_after_the_other(run: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = run("restart", "deployment/one", "deployment/two", "--max-parallel", "1")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    ends = [lines.index(f'deployment "{name}" successfully rolled out') for name in ("one", "two")]
    assert lines[0] == "deployment.apps/one restarted"
    assert ends[0] < lines.index("deployment.apps/two restarted") < ends[1]


def test_a_rollout_that_fails_stops_the_rest(run: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = run("restart", "deployment/stuck", "deployment/one", "--max-parallel", "1", "--timeout", "20s")
    assert status == 1
    assert "deployment.apps/one restarted" not in out
    assert err == 'error: deployment "stuck" exceeded its progress deadline\nerror: not restarted: deployments/one\n'


def test_pause_is_refused_unless_it_is_emulated(run: Callable[..., tuple[int, str, str]], cluster: Cluster) -> None:
    cluster.call(Rollout(cluster.aclient, "statefulset/db").wait(20))
    assert run("pause", "sts/db") == (1, "", 'error: statefulsets.apps "db" pausing is not supported\n')
    assert run("pause", "sts/db", "--emulate") == (0, "statefulset.apps/db paused\n", "")
    assert run("restart", "sts/db")[2] == (
        'error: statefulsets.apps "db" can\'t restart paused statefulset (run rollout resume --emulate first)\n'
    )
    assert run("resume", "sts/db", "--emulate") == (0, "statefulset.apps/db resumed\n", "")
