"""Clusters that were started and stopped leave nothing: no thread, file descriptor, temporary file or variable, and no memory."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
from pathlib import Path

import pytest

from tests.testing.test_moving_time import requester
from tests.testing.workloads import DEPLOYMENTS, deployment
from wherry import Cluster

#: megabytes by which memory may differ after any number of clusters: the allocator's, not ours
SLACK = 25


def descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def measure() -> dict[str, object]:
    gc.collect()
    return {
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "temporary files": sorted(path.name for path in Path(tempfile.gettempdir()).glob("wherry-*")),
        "variables": dict(os.environ),
    }


def resident() -> float:
    """Megabytes."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def live() -> None:
    """A cluster that does something, over HTTP too, and ends."""
    with Cluster() as c:
        c.client.create(DEPLOYMENTS, "default", deployment())
        assert requester(c.kubeconfig)("GET", "/apis/apps/v1/namespaces/default/deployments/web")["kind"] == "Deployment"
        c.rollout("deployment/web").finished()


def virtual() -> None:
    with Cluster(time="virtual", seed=1) as c, c.faults.image_missing("x"):
        c.client.create(DEPLOYMENTS, "default", deployment())
        c.clock.advance("1m")


def run_many(count: int) -> None:
    live()
    virtual()
    before, opened = measure(), descriptors()
    for number in range(count):
        (virtual if number % 4 == 3 else live)()
    assert measure() == before
    assert descriptors() <= opened  # what an earlier test left may be closed meanwhile


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for temporary files that no other process uses."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.timeout(100)
def test_twenty_clusters_leave_nothing() -> None:
    run_many(20)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_hundred_clusters_leave_nothing_and_take_no_memory() -> None:
    run_many(50)
    before = resident()
    run_many(300)
    assert resident() - before < SLACK


def test_a_cluster_that_cannot_start_leaves_nothing(tmp_path: Path) -> None:
    from wherry.cluster.state import StateError

    (tmp_path / "wrong.json").write_text("{}")
    live()
    before = measure()
    for time in ("real", "virtual"):
        with pytest.raises(StateError), Cluster(time=time, state=tmp_path / "wrong.json"):
            pass
    with Cluster() as c, pytest.raises(OSError, match="taken"), Cluster(port=c.port):
        pass
    assert measure() == before
