"""A clock that the test owns: the cluster runs on a thread of its own, real clients talk to it, and time moves only as it is told."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.testing.workloads import DEPLOYMENTS, MAPS, PODS, config_map, deployment
from wherry import Cluster
from wherry.api.resources import resource
from wherry.kit.clock import NotReached, NotVirtual
from wherry.store.protocol import Record

EPOCH = 1_767_225_600.0


def requester(kubeconfig: str) -> Any:
    """A plain HTTP client of the cluster, as a program in another process would be."""
    config = yaml.safe_load(Path(kubeconfig).read_text())
    context = ssl.create_default_context(cafile=str(Path(kubeconfig).parent / "pki" / "ca.crt"))
    server, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]

    def ask(method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(server + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, context=context, timeout=20) as response:
            return json.loads(response.read())

    return ask


def test_time_stands_still_until_it_is_moved() -> None:
    with Cluster(time="virtual", seed=1, serve=False) as c:
        assert c.clock.now() == EPOCH
        c.client.create(DEPLOYMENTS, "default", deployment(minReadySeconds=30))
        time.sleep(0.05)
        assert c.clock.now() == EPOCH
        assert c.client.get(DEPLOYMENTS, "default", "web")["status"]["readyReplicas"] == 2
        assert "availableReplicas" not in c.client.get(DEPLOYMENTS, "default", "web")["status"]
        c.clock.advance("31s")
        assert c.clock.now() == EPOCH + 31
        assert c.client.get(DEPLOYMENTS, "default", "web")["status"]["availableReplicas"] == 2


def test_a_progress_deadline_of_ten_minutes_takes_a_moment() -> None:
    with Cluster(time="virtual", seed=1, serve=False) as c:
        c.client.create(DEPLOYMENTS, "default", deployment(image="app:999.1"))

        def exceeded() -> bool:
            conditions = c.client.get(DEPLOYMENTS, "default", "web")["status"]["conditions"]
            return any(x["reason"] == "ProgressDeadlineExceeded" for x in conditions)

        begun = time.perf_counter()
        c.clock.run_until(exceeded, limit="1h")
        assert EPOCH + 600 <= c.clock.now() <= EPOCH + 602
        assert time.perf_counter() - begun < 10


def test_an_hour_of_cron_jobs() -> None:
    job = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "app:v1"}]}}}}
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick"},
        "spec": {"schedule": "*/10 * * * *", "jobTemplate": job},
    }
    with Cluster(time="virtual", seed=1, serve=False) as c:
        c.client.create(resource("cronjobs", "batch"), "default", cron)
        seen: set[str] = set()
        c.clock.advance("1s")
        for _ in range(6):
            c.clock.advance("10m")
            seen |= {j["metadata"]["name"] for j in c.client.list(resource("jobs", "batch"), "default").items}
        assert len(seen) == 6


def test_durations_may_be_text_numbers_and_timedeltas() -> None:
    with Cluster(time="virtual", seed=1, serve=False) as c:
        c.clock.advance("1m1s")
        c.clock.advance(9)
        c.clock.advance(timedelta(minutes=1))
        assert c.clock.now() == EPOCH + 61 + 9 + 60
        for wrong in ("ten", "10", "-1s", -1):
            with pytest.raises(ValueError, match="length of time"):
                c.clock.advance(wrong)


def test_a_limit_that_is_reached_says_what_the_condition_was() -> None:
    with Cluster(time="virtual", seed=1, serve=False) as c:
        with pytest.raises(NotReached, match=r"within 10m .* was 0"):
            c.clock.run_until(lambda: 0, limit="10m")
        assert c.clock.now() == EPOCH + 600
        with pytest.raises(NotReached, match="NotFound"):
            c.clock.run_until(lambda: c.client.get(PODS, "default", "none"), limit="1s")
        with pytest.raises(ZeroDivisionError):
            c.clock.run_until(lambda: 1 / 0)


def test_real_time_cannot_be_moved_and_says_so() -> None:
    with Cluster(serve=False) as c:
        with pytest.raises(NotVirtual, match='time="virtual"'):
            c.clock.advance("10m")
        assert c.clock.run_until(lambda: True, limit="1s")


def test_time_can_flow_at_a_speed_and_be_frozen_again() -> None:
    with Cluster(time="virtual", seed=1, serve=False) as c:
        c.clock.run(speed=1000)
        c.clock.sleep(60)
        c.clock.freeze()
        frozen = c.clock.now()
        assert frozen >= EPOCH + 60
        time.sleep(0.02)
        assert c.clock.now() == frozen


def test_the_clock_of_objects_is_the_clusters() -> None:
    with Cluster(time="virtual", seed=1, serve=False) as c:
        c.clock.advance("20m")
        assert c.client.create(MAPS, "default", config_map("a"))["metadata"]["creationTimestamp"] == "2026-01-01T00:20:00Z"


def test_a_client_outside_gets_time_to_answer_what_it_sees() -> None:
    """Another thread watches and answers each change over HTTP: time does not run away under it."""
    with Cluster(time="virtual", seed=1, patience=1.0) as c:
        ask = requester(c.kubeconfig)
        ready = threading.Event()

        def answer() -> None:
            stream = c.client.watch(MAPS, "default", field_selector="metadata.name=question")
            ready.set()
            next(stream)
            ask("POST", "/api/v1/namespaces/default/configmaps", config_map("answer"))
            stream.close()

        thread = threading.Thread(target=answer)
        thread.start()
        ready.wait(5)
        ask("POST", "/api/v1/namespaces/default/configmaps", config_map("question"))
        c.clock.advance("10m")
        thread.join(20)
        made = c.client.get(MAPS, "default", "answer")["metadata"]["creationTimestamp"]
        assert made == "2026-01-01T00:00:00Z"


class Writes:
    """Everything the store gets, from its beginning."""

    def __init__(self, c: Cluster) -> None:
        self._cluster = c

        async def open_stream() -> Any:
            return c.store.watch("", after=0)

        self._stream = c.call(open_stream())

    def all(self) -> list[tuple[str, int, bytes]]:
        async def read() -> list[Record]:
            found: list[Record] = []
            while not found or found[-1].revision < self._cluster.store.revision:
                found += await anext(aiter(self._stream))
            self._stream.close()
            return found

        return [(record.key, record.revision, record.value) for record in self._cluster.call(read())]


def story_in_process(c: Cluster) -> None:
    c.client.create(DEPLOYMENTS, "default", deployment(replicas=3))
    c.clock.advance("1m")
    with c.faults.image_missing("app:v2"):
        change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "app:v2"}]}}}}
        c.client.patch(DEPLOYMENTS, "default", "web", change, "application/strategic-merge-patch+json")
        c.clock.advance("11m")
    c.clock.advance("10m")


def story_over_http(c: Cluster) -> None:
    ask = requester(c.kubeconfig)
    ask("POST", "/apis/apps/v1/namespaces/default/deployments", deployment(replicas=3))
    for number in range(5):
        ask("POST", "/api/v1/namespaces/default/configmaps", config_map(f"m-{number}", a="b"))
    ask("PATCH", "/apis/apps/v1/namespaces/default/deployments/web", {"spec": {"replicas": 5}}, "application/merge-patch+json")
    c.clock.advance("10m")
    ask("DELETE", "/apis/apps/v1/namespaces/default/deployments/web")
    c.clock.advance("1m")


@pytest.mark.parametrize("story", [story_in_process, story_over_http])
def test_with_a_seed_two_runs_write_the_same_byte_for_byte(story: Any) -> None:
    runs = []
    for _ in range(2):
        with Cluster(time="virtual", seed=7) as c:
            writes = Writes(c)
            story(c)
            runs.append(writes.all())
    for one, two in zip(*runs, strict=False):
        assert one == two
    assert len(runs[0]) == len(runs[1])
    assert len(runs[0]) > 200


_PROGRAM = """
import hashlib
from tests.testing.test_moving_time import Cluster, Writes, story_over_http
with Cluster(time="virtual", seed=7) as c:
    writes = Writes(c)
    story_over_http(c)
    print(hashlib.sha256(repr(writes.all()).encode()).hexdigest())
"""


def test_two_processes_write_the_same() -> None:
    """Certificates and the order of sets included."""
    root = Path(__file__).parents[2]
    found = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
        command = [sys.executable, "-c", _PROGRAM]
        done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=50, check=True)
        found.add(done.stdout)
    assert len(found) == 1


def test_an_async_test_on_a_loop_of_real_time() -> None:
    """The cluster's loop is another one: the test's goes on while it waits."""

    async def story() -> int:
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                beats += 1
                await asyncio.sleep(0)

        async with Cluster(time="virtual", seed=1) as c:
            beating = asyncio.create_task(beat())
            await c.client.create(DEPLOYMENTS, "default", deployment(minReadySeconds=60))
            await c.clock.advance("10m")
            await c.clock.run_until(lambda: True)
            done = await c.rollout("deployment/web").finished()
            assert done.available == 2
            assert (await c.wait_for("deployment/web", "available"))["status"]["availableReplicas"] == 2
            stream = c.client.watch(MAPS, "default")
            await c.client.create(MAPS, "default", config_map("a"))
            assert any(e.object["metadata"]["name"] == "a" for e in await anext(stream))
            await stream.aclose()
            beating.cancel()
        return beats

    assert asyncio.run(story()) > 10


def test_a_coroutine_may_use_a_synchronous_cluster() -> None:
    with Cluster(time="virtual", seed=1, serve=False) as c:

        async def story() -> None:
            await c.aio.client.create(DEPLOYMENTS, "default", deployment())
            await c.aio.clock.advance("1m")
            assert (await c.aio.wait_for("deployment/web", "available"))["status"]["availableReplicas"] == 2

        asyncio.run(story())
        assert c.clock.now() == EPOCH + 60


def test_a_cluster_on_disk_keeps_virtual_time_too(tmp_path: Path) -> None:
    with Cluster(time="virtual", seed=1, data_dir=tmp_path) as c:
        c.client.create(DEPLOYMENTS, "default", deployment(minReadySeconds=30))
        c.clock.advance("31s")
        assert c.client.get(DEPLOYMENTS, "default", "web")["status"]["availableReplicas"] == 2


def test_several_clusters_in_one_process_have_a_clock_each() -> None:
    with Cluster(time="virtual", seed=1) as one, Cluster(time="virtual", seed=2) as two, Cluster() as real:
        one.clock.advance("1h")
        assert two.clock.now() == EPOCH
        assert abs(real.clock.now() - time.time()) < 1
        assert len({one.url, two.url, real.url}) == 3
        one.client.create(MAPS, "default", config_map("a"))
        assert all(o["metadata"]["name"] != "a" for c in (two, real) for o in c.client.list(MAPS, "default").items)


@pytest.mark.kubectl
def test_a_program_that_waits_by_itself_is_served_by_a_clock_that_runs() -> None:
    with Cluster(time="virtual", seed=1) as c:
        c.client.create(DEPLOYMENTS, "default", deployment(minReadySeconds=30))
        c.clock.run(speed=100)
        kubectl = os.environ.get("KUBECTL", "kubectl")
        command = [kubectl, "--kubeconfig", c.kubeconfig, "rollout", "status", "deployment/web", "--timeout=40s"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        assert "successfully rolled out" in done.stdout, done.stderr
        assert c.clock.now() >= EPOCH + 30
