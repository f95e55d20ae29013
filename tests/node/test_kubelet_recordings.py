"""What a real kubelet said of pods, and what simulated nodes say of the same pods: events, states and conditions agree.

No program runs on simulated nodes, so only pods whose course is plain to see are played; what is known to differ is named where it does.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.cluster.virtual_time.virtual_cluster import PODS, on_cluster
from tests.worlds.kubelet_recordings import Recording, create, events_of, plain, status_of
from wherry import Cluster
from wherry.api.resources import resource

NODE = "sim-0"
IMAGES = ("busybox:1", "nginx:1.21", "nginx:1.23")

Story = Callable[[Cluster], Awaitable[None]]


def play(story: Story) -> None:
    async def whole(cluster: Cluster) -> None:
        assert cluster.nodes is not None
        for image in IMAGES:
            cluster.nodes.load_image(NODE, image)
        await cluster.clock.sleep(5)  # the node is ready, and known to be
        await story(cluster)

    on_cluster(whole, nodes=1, image_missing=("team/missing:*",))


#: the session, the pod, and how long it takes to come to its end
SAME_EVENTS = [
    ("b1-config-missing", "env-cm", 2), ("b1-config-missing", "env-secret", 2), ("b1-config-missing", "env-key", 2),
    ("b1-config-missing", "envfrom", 2), ("b1-config-missing", "vol-cm", 2), ("b1-config-missing", "vol-secret", 2),
    ("b1-config-missing", "vol-key", 2), ("b2-image-command", "bad-name", 2), ("b2-image-command", "never", 2),
    ("b2-image-command", "non-root", 2), ("b2-image-command", "sub-path", 2), ("c1-crashes", "fail-never", 2),
    ("c1-crashes", "done-never", 2), ("c1-crashes", "deadline", 6),
    ("c3-loops", "loop", 40), ("c3-loops", "done-loop", 40), ("c3-loops", "init-loop", 40),
    ("d-probes", "slow", 5), ("d-probes", "grace", 25), ("e-init", "ordered", 2), ("e-init", "fail-never", 2), ("e-init", "batch", 5),
    ("f-hooks", "post", 2), ("f-hooks", "post-fail", 20),
]  # fmt: skip


@pytest.mark.parametrize(("session", "name", "seconds"), SAME_EVENTS, ids=[f"{s}: {n}" for s, n, _ in SAME_EVENTS])
def test_the_same_events_in_the_same_order(session: str, name: str, seconds: float) -> None:
    recorded = Recording(session)

    async def story(cluster: Cluster) -> None:
        await create(cluster.client, recorded.pod(name))
        await cluster.clock.sleep(seconds)
        assert await events_of(cluster.client, name) == recorded.events(name)

    play(story)


@pytest.mark.parametrize("name", ["pre-sleep", "pre-fail"])
def test_the_events_of_an_end_with_a_hook(name: str) -> None:
    recorded = Recording("f-hooks")

    async def story(cluster: Cluster) -> None:
        await create(cluster.client, recorded.pod(name))
        await cluster.clock.sleep(1)
        await cluster.client.delete(PODS, "default", name)
        await cluster.clock.sleep(2)
        there = [p["metadata"]["name"] for p in (await cluster.client.list(PODS, "default")).items]
        assert there == ([name] if name == "pre-sleep" else []), "a hook that sleeps four seconds holds up the end"
        await cluster.clock.sleep(4)
        assert (await cluster.client.list(PODS, "default")).items == []
        assert await events_of(cluster.client, name) == recorded.events(name)

    play(story)


STATES = [("b1-config-missing", "env-cm", True), ("b2-image-command", "bad-name", False), ("b2-image-command", "never", False),
          ("b2-image-command", "non-root", False), ("b2-image-command", "sub-path", False), ("c1-crashes", "fail-never", True)]  # fmt: skip


@pytest.mark.parametrize(("session", "name", "phased"), STATES, ids=[f"{s}: {n}" for s, n, _ in STATES])
def test_the_same_state(session: str, name: str, phased: bool) -> None:
    recorded = Recording(session)
    fields = "{.status.containerStatuses[0].state}" + (" {.status.phase}" if phased else "")
    said = recorded.said(f"kubectl get pod {name} -o jsonpath='{fields}{{\"\\n\"}}'").strip()
    state, _, phase = said.rpartition(" ") if phased else (said, "", "")

    async def story(cluster: Cluster) -> None:
        await create(cluster.client, recorded.pod(name))
        await cluster.clock.sleep(2)
        status = await status_of(cluster.client, name)
        expected = json.loads(state.replace("containerd://", ""))
        assert plain(status["containerStatuses"][0]["state"], {}) == plain(expected, {})
        assert phase in ("", status["phase"])

    play(story)


CONDITIONS = [("c1-crashes", "fail-never", 2), ("c1-crashes", "done-never", 2), ("c3-loops", "loop", 33), ("c3-loops", "init-loop", 33),
              ("d-probes", "gated", 2), ("e-init", "ordered", 2), ("e-init", "fail-never", 2)]  # fmt: skip


@pytest.mark.parametrize(("session", "name", "seconds"), CONDITIONS, ids=[f"{s}: {n}" for s, n, _ in CONDITIONS])
def test_the_same_conditions(session: str, name: str, seconds: float) -> None:
    recorded = Recording(session)

    async def story(cluster: Cluster) -> None:
        await create(cluster.client, recorded.pod(name))
        await cluster.clock.sleep(seconds)
        said = json.loads(recorded.said(f"kubectl get pod {name} -o jsonpath='{{.status.conditions}}{{\"\\n\"}}'"))
        assert plain((await status_of(cluster.client, name))["conditions"], {}) == said

    play(story)


def test_a_whole_status_is_the_kubelets() -> None:
    recorded = Recording("l-documents")
    said = json.loads(recorded.said("kubectl get pod whole -o json --show-managed-fields"))["status"]

    async def story(cluster: Cluster) -> None:
        await create(cluster.client, recorded.pod("whole"))
        await cluster.clock.sleep(5)
        status = plain(await status_of(cluster.client, "whole"), {})
        container, expected = status["containerStatuses"].pop(), said["containerStatuses"].pop()
        assert set(status) == set(said)
        for field in ("conditions", "phase", "qosClass", "observedGeneration"):
            assert status[field] == said[field], field
        # containerd 1.6 does not tell the user; images have other names and ids there
        assert container.pop("user") == {"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0, 1000]}}
        for field in ("image", "imageID", "containerID"):
            assert container.pop(field)
            expected.pop(field)
        assert container == expected

    play(story)


def test_what_was_missing_and_appears_lets_the_pods_run() -> None:
    recorded = Recording("b1-config-missing")

    async def story(cluster: Cluster) -> None:
        for name in ("env-cm", "env-secret", "envfrom", "optional", "env-key"):
            await create(cluster.client, recorded.pod(name))
        await cluster.clock.sleep(3)
        meta = {"name": "nope", "namespace": "default"}
        await cluster.client.create(resource("configmaps"), "default", {"metadata": meta, "data": {"key": "value"}})
        await cluster.client.create(resource("secrets"), "default", {"metadata": meta, "stringData": {"key": "value"}})
        await cluster.clock.sleep(30)
        phases = {p["metadata"]["name"]: p["status"]["phase"] for p in (await cluster.client.list(PODS, "default")).items}
        assert phases == {"env-cm": "Running", "env-secret": "Running", "envfrom": "Running", "optional": "Running", "env-key": "Pending"}

    play(story)


def test_an_init_container_that_takes_long_has_started() -> None:
    recorded = Recording("e-init")

    async def story(cluster: Cluster) -> None:
        await create(cluster.client, recorded.pod("slow-init"))
        await cluster.clock.sleep(2)
        status = await status_of(cluster.client, "slow-init")
        assert [c["started"] for c in status["initContainerStatuses"]] == [True, False]
        assert (status["containerStatuses"][0]["state"], status["phase"]) == ({"waiting": {"reason": "PodInitializing"}}, "Pending")

    play(story)


def test_a_crash_loop_shows_its_states_as_a_kubelet_does() -> None:
    recorded = Recording("c3-loops")

    async def story(cluster: Cluster) -> None:
        seen: list[str] = []

        def look(old: Any, new: Any) -> None:
            entry = ((new or {}).get("status") or {}).get("containerStatuses")
            if entry:
                state = next(iter(entry[0]["state"].values()))
                shown = f"{state.get('reason', 'Running')} {entry[0]['restartCount']}"
                if not seen or seen[-1] != shown:
                    seen.append(shown)

        cluster.informers.of(PODS).add_handler(look)
        await create(cluster.client, recorded.pod("loop"))
        await cluster.clock.sleep(40)
        # a simulated start and end take no time: what lies in between is one write
        told = recorded.said("timeout 45 kubectl get pod loop -w --no-headers | awk '{print $3, $4}' | uniq").splitlines()
        assert seen == [line for line in told if line.startswith(("Error", "CrashLoopBackOff")) and line != "Error 0"]

    play(story)


def test_a_readiness_gate_that_somebody_opens_makes_the_pod_ready() -> None:
    recorded = Recording("d-probes")

    async def story(cluster: Cluster) -> None:
        await create(cluster.client, recorded.pod("gated"))
        await cluster.clock.sleep(1)
        pod = await cluster.client.get(PODS, "default", "gated")
        conditions = [*pod["status"]["conditions"], {"type": "example.test/gate", "status": "True"}]
        await cluster.client.update(PODS, {**pod, "status": {**pod["status"], "conditions": conditions}}, subresource="status")
        await cluster.clock.sleep(1)
        ready = {c["type"]: c["status"] for c in (await status_of(cluster.client, "gated"))["conditions"]}
        assert ready["Ready"] == "True"

    play(story)


def test_a_pod_past_its_deadline_fails_when_nothing_of_it_runs_any_more() -> None:
    recorded = Recording("c1-crashes")

    async def story(cluster: Cluster) -> None:
        pod = recorded.pod("deadline")
        pod["metadata"]["annotations"] = {"wherry.dev/simulated-termination-seconds": "5"}
        await create(cluster.client, pod)
        await cluster.clock.sleep(4)
        assert (await status_of(cluster.client, "deadline"))["phase"] == "Running"
        await cluster.clock.sleep(2)
        status = await status_of(cluster.client, "deadline")
        ended = status["containerStatuses"][0]["state"]["terminated"]
        assert (status["phase"], status["reason"], ended["exitCode"]) == ("Failed", "DeadlineExceeded", 137)

    play(story)
