"""The rolling update of ReplicationControllers: its steps, its lines, and that it goes on after an interruption at any point."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.follow import follow
from wherry.rollout.errors import RolloutError
from wherry.rollout.rolling_controllers import check, renamed, with_image
from wherry.rollout.rolling_plan import bounds, down, up
from wherry.rollout.rolling_update import RollingUpdate, Settings

CONTROLLERS, PODS, EVENTS, CONFIG_MAPS = (resource(name) for name in ("replicationcontrollers", "pods", "events", "configmaps"))
QUICK = Settings(period=0.0, interval=0.01, timeout=10.0)


def controller(name: str, version: str, replicas: int = 4) -> Obj:
    labels = {"app": "demo", "version": version}
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": name, "namespace": "default"},
            "spec": {"replicas": replicas, "selector": labels,
                     "template": {"metadata": {"labels": labels},
                                  "spec": {"containers": [{"name": "nginx", "image": f"nginx:{version}"}]}}}}


# --- the plan ---
@settings(suppress_health_check=[HealthCheck.too_slow])  # other tests may keep the machine busy
@given(st.integers(0, 12), st.integers(0, 12), st.data())
def test_every_walk_keeps_the_bounds_and_arrives(desired: int, old: int, data: st.DataObject) -> None:
    limits, new, available = bounds(desired), 0, 0
    old = min(old, limits.most)
    start = min(old, limits.least)
    for _ in range(200):
        grown = up(new, old, limits)
        assert grown + old <= limits.most or grown == new
        new = grown
        available = data.draw(st.integers(available, new)) if available < new else new
        shrunk = down(new, old, available, limits)
        assert shrunk + available >= min(start, old + available) or shrunk == old
        old = shrunk
        if (new, old) == (desired, 0):
            return
        if data.draw(st.booleans()):
            available = new
    available = new
    for _ in range(40):
        new = up(new, old, limits)
        old = down(new, old, new, limits)
    assert (new, old) == (desired, 0)


def test_nothing_goes_down_while_the_new_pods_are_not_ready() -> None:
    limits = bounds(4)
    assert (up(0, 4, limits), down(1, 4, 0, limits), down(1, 4, 1, limits)) == (1, 4, 3)


# --- the controllers ---
def test_the_next_controller_differs_by_a_label_of_its_own() -> None:
    new = with_image(controller("web", "1"), "nginx:2")
    mark = new["spec"]["selector"]["deployment"]
    assert new["metadata"]["name"] == f"web-{mark}"
    assert new["spec"]["template"]["metadata"]["labels"]["deployment"] == mark
    assert new["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"


def test_wrong_pairs_are_refused() -> None:
    old = controller("web", "1")
    with pytest.raises(RolloutError, match=r"f\.yaml cannot have the same name as the existing ReplicationController web"):
        check(old, controller("web", "2"), "f.yaml")
    with pytest.raises(RolloutError, match=r"f\.yaml must specify a matching key with non-equal value in Selector for web"):
        check(old, controller("next", "1"), "f.yaml")
    two = controller("web", "1")
    two["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "x"})
    with pytest.raises(RolloutError, match="must specify container to update when updating a multi-container pod"):
        with_image(two, "nginx:2")
    with pytest.raises(RolloutError, match="container z not found in pod"):
        with_image(two, "nginx:2", container="z")


def test_a_renamed_controller_has_no_marks_left() -> None:
    marked = controller("web-x", "1")
    marked["metadata"]["annotations"] = {"kubectl.kubernetes.io/update-source-id": "web:1", "note": "kept"}
    assert renamed(marked, "web")["metadata"] == {"name": "web", "namespace": "default", "annotations": {"note": "kept"}}


# --- on a cluster ---
def on_a_cluster(work: Callable[[Any], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cluster(nodes=2, serve=False) as cluster:
            await asyncio.wait_for(work(cluster.client), 40)

    asyncio.run(whole())


async def started(client: Any) -> Obj:
    await client.create(CONTROLLERS, "default", controller("demo-v1", "v0.1"))
    async with aclosing(follow(client, CONTROLLERS, "default", "demo-v1")) as versions:  # type: ignore[type-var]
        async for version in versions:
            if version and version.get("status", {}).get("readyReplicas") == 4:
                return {"apiVersion": "v1", "kind": "ReplicationController", **version}
    raise AssertionError("the watch never ends by itself")


def test_the_lines_of_the_old_days() -> None:
    async def work(client: Any) -> None:
        old = await started(client)
        lines: list[str] = []
        left = await RollingUpdate(client, "default", lines.append).run(old, controller("demo-v2", "v0.2"), QUICK)
        assert lines == [
            "Created demo-v2",
            "Scaling up demo-v2 from 0 to 4, scaling down demo-v1 from 4 to 0 (keep 4 pods available, don't exceed 5 pods)",
            "Scaling demo-v2 up to 1", "Scaling demo-v1 down to 3", "Scaling demo-v2 up to 2", "Scaling demo-v1 down to 2",
            "Scaling demo-v2 up to 3", "Scaling demo-v1 down to 1", "Scaling demo-v2 up to 4", "Scaling demo-v1 down to 0",
            "Update succeeded. Deleting demo-v1"]
        assert left["metadata"]["name"] == "demo-v2"
        assert not [k for k in left["metadata"].get("annotations") or {} if k.endswith(("source-id", "desired-replicas"))]
        events = await client.list(EVENTS, "default", field_selector="involvedObject.name=demo-v2,reason=ScaledUp")
        assert len(events.items) == 4

    on_a_cluster(work)


class Killed(Exception):
    """The process ended here."""


@pytest.mark.parametrize("keep_name", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3, 6, 9, 10, 11])
def test_an_update_that_was_killed_is_finished_by_the_next(at: int, keep_name: bool) -> None:
    async def work(client: Any) -> None:
        old = await started(client)
        settings = Settings(0.0, 0.01, 10.0, keep_name)
        count = 0

        def dying(line: str) -> None:
            nonlocal count
            count += 1
            if count == at:
                raise Killed(line)

        new = controller("demo-v2", "v0.2")
        with pytest.raises(Killed):
            await RollingUpdate(client, "default", dying).run(old, new, settings)
        again = RollingUpdate(client, "default", lambda line: None)
        current = await again.find("demo-v1")
        assert current is not None
        left = await again.run(current, new, settings)
        expected = "demo-v1" if keep_name else "demo-v2"
        assert left["metadata"]["name"] == expected
        assert left["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:v0.2"
        assert [rc["metadata"]["name"] for rc in (await client.list(CONTROLLERS, "default")).items] == [expected]
        assert not [m for m in (await client.list(CONFIG_MAPS, "default")).items if m["metadata"]["name"].startswith("rolling-update-")]

    on_a_cluster(work)


def test_a_rename_that_was_killed_is_finished_from_what_was_saved() -> None:
    async def work(client: Any) -> None:
        await started(client)
        update = RollingUpdate(client, "default", lambda line: None)
        rc = await update.get("demo-v1")
        await update._save("final", renamed(rc, "final"))
        await client.delete(CONTROLLERS, "default", "demo-v1")
        left = await update.restore("final")
        assert (left["metadata"]["name"], left["spec"]["replicas"]) == ("final", 4)

    on_a_cluster(work)


def test_going_back_returns_to_the_old_size() -> None:
    async def work(client: Any) -> None:
        old = await started(client)
        lines: list[str] = []

        def dying(line: str) -> None:
            if line == "Scaling demo-v2 up to 3":
                raise Killed

        with pytest.raises(Killed):
            await RollingUpdate(client, "default", dying).run(old, controller("demo-v2", "v0.2"), QUICK)
        update = RollingUpdate(client, "default", lines.append)
        source, target = await update.abort(await update.get("demo-v1"), await update.get("demo-v2"))
        left = await update.run(source, target, QUICK)
        assert (left["metadata"]["name"], left["spec"]["replicas"]) == ("demo-v1", 4)
        assert lines[0] == 'Setting "demo-v1" replicas to 4'
        assert lines[-1] == "Update succeeded. Deleting demo-v2"

    on_a_cluster(work)


def test_a_foreign_controller_of_the_new_name_is_not_taken_over() -> None:
    async def work(client: Any) -> None:
        old = await started(client)
        await client.create(CONTROLLERS, "default", controller("demo-v2", "v0.2", 1))
        with pytest.raises(RolloutError, match="Missing/unexpected annotations for controller demo-v2"):
            await RollingUpdate(client, "default", lambda line: None).run(old, controller("demo-v2", "v0.2"), QUICK)

    on_a_cluster(work)
