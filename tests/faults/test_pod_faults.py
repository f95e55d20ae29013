"""Faults of images, containers and nodes by plain calls, by YAML and by annotation, on virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.testing.workloads import DEPLOYMENTS, NODES, PODS, deployment
from wherry import Cluster


@pytest.fixture
def c() -> Iterator[Cluster]:
    with Cluster(time="virtual", seed=1, serve=False, test_mode=True) as running:
        yield running


def containers(c: Cluster) -> list[Any]:
    return [status for pod in c.client.list(PODS, "default").items for status in pod["status"].get("containerStatuses", ())]


def ready(c: Cluster) -> int:
    found: int = c.client.get(DEPLOYMENTS, "default", "web")["status"].get("readyReplicas", 0)
    return found


def events(c: Cluster, reason: str) -> list[Any]:
    from wherry.api.resources import resource

    return [e for e in c.client.list(resource("events"), "default").items if e["reason"] == reason]


def test_an_image_is_missing_while_the_fault_is_in_force(c: Cluster) -> None:
    with c.faults.image_missing("app:v*"):
        c.client.create(DEPLOYMENTS, "default", deployment())
        c.clock.advance("1m")
        assert {s["state"]["waiting"]["reason"] for s in containers(c)} == {"ImagePullBackOff"}
    c.clock.advance("5m")
    assert ready(c) == 2


def test_a_slow_pull(c: Cluster) -> None:
    c.faults.image_slow("app:*", "90s")
    c.client.create(DEPLOYMENTS, "default", deployment())
    c.clock.advance("89s")
    assert ready(c) == 0
    c.clock.advance("2s")
    assert ready(c) == 2
    assert any("in 1m30s" in e["message"] for e in events(c, "Pulled"))


def test_containers_crash_with_a_code_after_a_time(c: Cluster) -> None:
    c.client.create(DEPLOYMENTS, "default", deployment())
    c.clock.advance("1m")
    with c.faults.crash("app=web", exit_code=3, after="2m"):
        assert ready(c) == 2
        c.clock.advance("61s")
        ends = [s["lastState"].get("terminated") or s["state"]["terminated"] for s in containers(c)]
        assert {end["exitCode"] for end in ends} == {3}
    c.clock.advance("10m")
    assert ready(c) == 2


def test_out_of_memory_is_said(c: Cluster) -> None:
    c.client.create(DEPLOYMENTS, "default", deployment())
    with c.faults.oom_kill("web-*"):
        c.clock.settle()
        end = next(s["lastState"].get("terminated") or s["state"]["terminated"] for s in containers(c))
        assert (end["exitCode"], end["reason"]) == (137, "OOMKilled")


def test_ready_pods_lose_their_readiness_and_get_it_back(c: Cluster) -> None:
    c.client.create(DEPLOYMENTS, "default", deployment())
    assert ready(c) == 2
    with c.faults.never_ready("default/web-*"):
        c.clock.settle()
        assert ready(c) == 0
    c.clock.settle()
    assert ready(c) == 2


def test_faults_of_other_pods_do_not_matter(c: Cluster) -> None:
    with c.faults.never_ready("app=other"), c.faults.never_ready("team/*"), c.faults.crash("web-*", container="sidecar"):
        c.client.create(DEPLOYMENTS, "default", deployment())
        c.clock.advance("10s")
        assert ready(c) == 2


def test_readiness_that_takes_time_and_readiness_that_flaps(c: Cluster) -> None:
    with c.faults.slow_ready("web-*", "30s"):
        c.client.create(DEPLOYMENTS, "default", deployment())
        c.clock.advance("29s")
        assert ready(c) == 0
        c.clock.advance("2s")
        assert ready(c) == 2
    with c.faults.flapping("web-*", "10s"):
        seen = []
        for _ in range(6):
            c.clock.advance("10s")
            seen.append(ready(c))
        assert set(seen) == {0, 2}
    c.clock.advance("1s")
    assert ready(c) == 2


def test_termination_that_takes_longer_than_the_grace_period_is_cut_short(c: Cluster) -> None:
    c.client.create(DEPLOYMENTS, "default", deployment(replicas=1))
    c.faults.slow_termination("web-*", "5m")
    c.client.delete(DEPLOYMENTS, "default", "web")
    c.clock.advance("29s")
    assert len(c.client.list(PODS, "default").items) == 1
    c.clock.advance("3s")
    assert c.client.list(PODS, "default").items == []


def node_ready(c: Cluster) -> dict[str, str]:
    conditions = {n["metadata"]["name"]: n["status"]["conditions"] for n in c.client.list(NODES).items}
    return {name: next(x["status"] for x in found if x["type"] == "Ready") for name, found in conditions.items()}


def test_a_lost_node_comes_back(c: Cluster) -> None:
    with c.faults.node_lost("sim-0"):
        c.clock.advance("2m")
        assert node_ready(c) == {"sim-0": "Unknown", "sim-1": "True", "sim-2": "True"}
    c.clock.advance("1m")
    assert set(node_ready(c).values()) == {"True"}


def test_pods_of_a_node_that_is_cut_off_run_on_and_are_told_later(c: Cluster) -> None:
    c.client.create(DEPLOYMENTS, "default", deployment(replicas=3))
    with c.faults.node_cut("sim-1"):
        c.clock.advance("7m")
        pods = c.client.list(PODS, "default").items
        there = [p for p in pods if p["spec"]["nodeName"] == "sim-1"]
        assert len(pods) == 4, "the one that is replaced cannot be told to end"
        assert "deletionTimestamp" in there[0]["metadata"]
    c.clock.advance("1m")
    assert {p["spec"]["nodeName"] for p in c.client.list(PODS, "default").items} <= {"sim-0", "sim-2"}
    assert ready(c) == 3
    assert node_ready(c)["sim-1"] == "True"


def test_a_slow_node(c: Cluster) -> None:
    with c.faults.node_slow("sim-*", "20s"):
        c.client.create(DEPLOYMENTS, "default", deployment())
        c.clock.advance("59s")
        assert ready(c) == 0
        c.clock.advance("2s")
        assert ready(c) == 2


def test_clocks_that_are_wrong(c: Cluster) -> None:
    from wherry.api import timestamps
    from wherry.api.resources import resource

    leases = resource("leases", "coordination.k8s.io")
    with c.faults.clock_skew(300, node="sim-2"):
        c.clock.advance("30s")
        renewed = {x["metadata"]["name"]: timestamps.parse(x["spec"]["renewTime"]) for x in c.client.list(leases, "kube-node-lease").items}
        assert renewed["sim-2"] - renewed["sim-0"] > 290
    before = c.clock.now()
    with c.faults.clock_skew(-3600):
        assert c.clock.now() == before - 3600
    assert c.clock.now() == before


def test_by_annotation_on_pods(c: Cluster) -> None:
    prefix = "wherry.dev/simulated-"
    c.client.create(DEPLOYMENTS, "default", deployment("missing", annotations={prefix + "image-missing": "true"}))
    c.client.create(DEPLOYMENTS, "default", deployment("oom", annotations={prefix + "oom-seconds": "5"}))
    c.clock.advance("6s")
    said = {
        (s.get("lastState", {}).get("terminated") or {}).get("reason") or next(iter(s["state"].values())).get("reason")
        for s in containers(c)
    }
    assert said >= {"ImagePullBackOff", "OOMKilled"}


def annotate(c: Cluster, **annotations: str | None) -> None:
    named = {f"wherry.dev/simulated-{name.replace('_', '-')}": value for name, value in annotations.items()}
    c.client.patch(NODES, "", "sim-0", {"metadata": {"annotations": named}}, "application/merge-patch+json")


def test_by_annotation_on_nodes(c: Cluster) -> None:
    annotate(c, node="lost")
    c.clock.advance("2m")
    assert node_ready(c)["sim-0"] == "Unknown"
    annotate(c, node=None)
    c.clock.advance("1m")
    assert node_ready(c)["sim-0"] == "True"
    annotate(c, node="cut", slow_seconds="nonsense")
    c.clock.advance("2m")
    assert node_ready(c)["sim-0"] == "Unknown"
    annotate(c, node=None)
    c.clock.advance("1m")
    assert node_ready(c)["sim-0"] == "True"


def test_an_image_of_one_node_is_missing_by_annotation() -> None:
    with Cluster(time="virtual", seed=1, serve=False, nodes=1) as c:
        annotate(c, image_missing="app:v1, other:*")
        c.client.create(DEPLOYMENTS, "default", deployment())
        c.clock.advance("1m")
        assert ready(c) == 0
        annotate(c, image_missing=None)
        c.clock.advance("5m")
        assert ready(c) == 2


def test_from_yaml(c: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("- image_missing: app:v2\n- crash: {pods: app=web, exit_code: 4, after: 1h}\n- node_slow: {node: sim-0, more: 1s}\n")
    handles = c.faults.load(path)
    assert [h.name for h in handles] == ["image_missing app:v2", "crash app=web", "node_slow sim-0"]
    assert c.faults.active == handles
    c.faults.clear()
    assert c.faults.active == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [([{"explode": "x"}], "is not a fault; there are"), ("- a\n", "is not a fault"), ([{"crash": "x", "y": 1}], "is not a fault")],
)
def test_wrong_yaml_is_named(c: Cluster, tmp_path: Path, wrong: Any, said: str) -> None:
    if isinstance(wrong, str):
        path = tmp_path / "faults.yaml"
        path.write_text(wrong)
        wrong = path
    with pytest.raises(ValueError, match=said):
        c.faults.load(wrong)


def test_wrong_arguments_are_named(c: Cluster) -> None:
    with pytest.raises(ValueError, match="no node is called nowhere"):
        c.faults.node_lost("nowhere")
    with pytest.raises(ValueError, match="exit code"):
        c.faults.crash("x", exit_code=300)
    with pytest.raises(ValueError, match="length of time"):
        c.faults.image_slow("x", "soon")
    assert c.faults.active == []
