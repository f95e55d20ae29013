"""What a real kubelet said of pods, and what nodes that run programs say of the same pods: events, states, conditions, logs.

Time is real here, so only pods that come to their end within seconds are played; simulated nodes play the long ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.worlds.kubelet_recordings import Recording, create, events_of, plain, status_of
from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.resources import resource

pytestmark = pytest.mark.real_nodes

_EVENTS, _NODES = resource("events"), resource("nodes")

EVENTS = {
    "b1-config-missing": ("env-cm", "env-secret", "env-key", "envfrom", "vol-cm", "vol-secret", "vol-key"),
    "b2-image-command": ("bad-name", "never", "non-root", "sub-path", "no-command"),
    "c1-crashes": ("fail-never", "done-never", "deadline"), "e-init": ("ordered", "fail-never", "batch"), "f-hooks": ("post",),
}  # fmt: skip
STATES = {"b1-config-missing": ("env-cm",), "b2-image-command": ("bad-name", "never", "non-root", "sub-path"),
          "c1-crashes": ("fail-never",)}
CONDITIONS = {"c1-crashes": ("fail-never", "done-never"), "d-probes": ("gated",), "e-init": ("ordered", "fail-never")}


def _when(event: Any) -> str:
    return str(event["metadata"]["name"])


async def settled(world: World, reached: Any) -> None:
    """Within ten seconds; what it is in the end is the assertion's to say."""
    for _ in range(200):
        if await reached():
            return
        await asyncio.sleep(0.05)


def play(story: Any) -> None:
    async def whole() -> None:
        async with Cluster(runtime="process", nodes=1, serve=False, image_table=("busybox:1=host",)) as cluster:
            world = World(cluster, "process")

            async def ready() -> bool:
                return any(not node["spec"].get("taints") for node in (await world.client.list(_NODES)).items)

            await world.eventually(ready)
            await asyncio.wait_for(story(world), 50)

    asyncio.run(whole())


Told = Callable[[World, str], Awaitable[Any]]


def compare(session: str, names: Sequence[str], expected: dict[str, Any], told: Told) -> None:
    """All pods of that name at once, in one cluster, until each says what is expected or time is up."""
    recorded = Recording(session)

    async def story(world: World) -> None:
        for name in names:
            await create(world.client, recorded.pod(name))

        async def all_told() -> dict[str, Any]:
            return {name: await told(world, name) for name in names}

        async def same() -> bool:
            return await all_told() == expected

        await settled(world, same)
        assert await all_told() == expected

    play(story)


@pytest.mark.parametrize("session", EVENTS)
def test_the_same_events_in_the_same_order(session: str) -> None:
    names = EVENTS[session]
    expected = {name: Recording(session).events(name) for name in names}
    compare(session, names, expected, lambda world, name: events_of(world.client, name))


def recorded_state(session: str, name: str) -> Any:
    recorded = Recording(session)
    for more in ("", " {.status.phase}", " {.status.phase} {.status.reason}"):
        try:
            said = recorded.said(f"kubectl get pod {name} -o jsonpath='{{.status.containerStatuses[0].state}}{more}{{\"\\n\"}}'")
        except IndexError:
            continue
        return plain(json.JSONDecoder().raw_decode(said.replace("containerd://", ""))[0], {})
    raise KeyError(name)


@pytest.mark.parametrize("session", STATES)
def test_the_same_state(session: str) -> None:
    async def state(world: World, name: str) -> Any:
        entries = (await status_of(world.client, name)).get("containerStatuses") or [{"state": None}]
        return plain(entries[0]["state"], {})

    compare(session, STATES[session], {name: recorded_state(session, name) for name in STATES[session]}, state)


@pytest.mark.parametrize("session", CONDITIONS)
def test_the_same_conditions(session: str) -> None:
    names, recorded = CONDITIONS[session], Recording(session)
    asked = {name: f"kubectl get pod {name} -o jsonpath='{{.status.conditions}}{{\"\\n\"}}'" for name in names}

    async def conditions(world: World, name: str) -> Any:
        return plain((await status_of(world.client, name)).get("conditions"), {})

    compare(session, names, {name: json.loads(recorded.said(asked[name])) for name in names}, conditions)


def test_containers_start_one_after_the_other_in_the_order_of_the_spec() -> None:
    async def story(world: World) -> None:
        containers = [{"name": name, "image": "busybox:1", "command": ["sleep", "1000"]} for name in ("z", "a", "m")]
        await world.create("pods", "p", spec={"containers": containers})
        await world.ready("p")
        listed = sorted((e for e in (await world.client.list(_EVENTS)).items if e["involvedObject"]["name"] == "p"), key=_when)
        told = [(e["reason"], e["involvedObject"]["fieldPath"][-2]) for e in listed if "fieldPath" in e["involvedObject"]]
        assert told == [(reason, name) for name in ("z", "a", "m") for reason in ("Pulled", "Created", "Started")]

    play(story)


def test_a_container_whose_image_is_not_to_be_had_holds_up_nobody() -> None:
    async def story(world: World) -> None:
        first = {"name": "a", "image": "busybox:2", "imagePullPolicy": "Never"}
        await world.create("pods", "p", spec={"containers": [first, {"name": "b", "image": "busybox:1", "command": ["sleep", "1000"]}]})
        await world.until("p", lambda s: any("running" in c["state"] for c in s.get("containerStatuses") or ()))

    play(story)


def test_process_1_of_a_pod_that_shares_its_processes_is_the_pause_program() -> None:
    async def story(world: World) -> None:
        await world.pod("p", "sleep 1000", shareProcessNamespace=True)
        await world.ready("p")
        assert await world.run("p", "cat", "/proc/1/cmdline") == "/pause\0"
        assert await world.run("p", "cat", "/proc/1/comm") == "pause\n"

    play(story)


def test_best_effort_is_killed_first_when_the_machine_is_out_of_memory() -> None:
    async def story(world: World) -> None:
        await world.pod("p", "sleep 1000")
        await world.ready("p")
        assert await world.run("p", "cat", "/proc/self/oom_score_adj") == "1000\n"

    play(story)


def test_a_pod_of_the_nodes_network_has_the_nodes_name_and_hosts() -> None:
    async def story(world: World) -> None:
        await world.pod("p", "sleep 1000", hostNetwork=True)
        await world.ready("p")
        assert await world.run("p", "hostname") == "node-0\n"
        assert (await world.run("p", "cat", "/etc/hosts")).startswith("# Kubernetes-managed hosts file (host network).\n127.0.0.1")

    play(story)
