"""Waiting and asserting, manifests, and a cluster's state as a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testing.test_moving_time import requester
from tests.testing.workloads import DEPLOYMENTS, MAPS, PODS, config_map, deployment
from wherry import Cluster
from wherry.api.objects import uid
from wherry.cluster.failures import Stuck, TimedOut
from wherry.cluster.manifests import ManifestError
from wherry.cluster.state import StateError
from wherry.testing.differences import compared


@pytest.fixture
def c() -> Iterator[Cluster]:
    with Cluster(time="virtual", seed=1, serve=False, test_mode=True) as running:
        yield running


@pytest.mark.parametrize(
    "condition",
    [
        "available",
        "condition=Available",
        "condition=available=True",
        "create",
        "jsonpath={.status.readyReplicas}=2",
        "jsonpath='{.status.readyReplicas}'=2",
        "jsonpath=.status.readyReplicas",
        'jsonpath={.status.conditions[?(@.type=="Available")].status}=True',
        lambda obj: obj["status"]["readyReplicas"] == 2,
    ],
)
def test_conditions_of_kubectl_wait(c: Cluster, condition: str) -> None:
    c.client.create(DEPLOYMENTS, "default", deployment())
    assert c.wait_for("deployment/web", condition)["metadata"]["name"] == "web"
    assert c.wait_for("deploy.apps/web", condition)["metadata"]["name"] == "web"


def test_waiting_for_a_deletion_takes_the_grace_period_of_the_clusters_time(c: Cluster) -> None:
    c.client.create(DEPLOYMENTS, "default", deployment(replicas=1))
    c.faults.slow_termination("web-*", "20s")
    pod = c.client.list(PODS, "default").items[0]["metadata"]["name"]
    c.client.delete(DEPLOYMENTS, "default", "web")
    before = c.clock.now()
    assert c.wait_for(f"pod/{pod}", "delete") is None
    assert 20 <= c.clock.now() - before <= 22


@pytest.mark.parametrize(
    ("what", "condition", "said"),
    [
        ("thing/web", "ready", "no resource is called 'thing'"),
        ("deployment", "ready", "names no object"),
        ("deployment/web", "what ever", "unrecognized condition"),
        ("deployment/web", "jsonpath={.a", "JSONPath"),
    ],
)
def test_wrong_words_are_named(c: Cluster, what: str, condition: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        c.wait_for(what, condition)


def test_a_wait_that_fails_shows_conditions_pods_and_events(c: Cluster) -> None:
    c.client.create(DEPLOYMENTS, "default", deployment(image="app:999.1", replicas=1))
    with pytest.raises(TimedOut) as caught:
        c.wait_for("deployment/web", "available", timeout="90s")
    error = caught.value
    assert str(error).startswith("deployment/web: available not met within 90s\nconditions:\n  Available=False MinimumReplicasUnavailable")
    assert 'ImagePullBackOff: image "app:999.1"' in error.pods[0]
    assert any("Failed to pull image" in line for line in error.events)
    assert any("ScalingReplicaSet" in line for line in error.events)
    assert isinstance(error, AssertionError | TimeoutError)


def test_a_rollout_that_failed_is_stuck_and_one_that_waits_times_out(c: Cluster) -> None:
    c.client.create(DEPLOYMENTS, "default", deployment(image="app:999.1", replicas=1))
    with pytest.raises(TimedOut, match="rollout not finished within 1m"):
        c.rollout("deployment/web").finished("1m")
    with pytest.raises(Stuck, match="exceeded its progress deadline"):
        c.rollout("deployment/web").finished("1h")


def test_a_rollout_is_followed_undone_and_restarted(c: Cluster) -> None:
    web = c.rollout("deployment/web")
    c.client.create(DEPLOYMENTS, "default", deployment())
    assert web.finished().ready == 2
    change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "app:999.2"}]}}}}
    c.client.patch(DEPLOYMENTS, "default", "web", change, "application/strategic-merge-patch+json")
    c.clock.advance("11m")
    web.undo()
    assert web.finished().done
    assert [r.number for r in web.history()] == [2, 3]
    web.restart()
    assert web.finished().done
    assert not any("999" in pod["spec"]["containers"][0]["image"] for pod in c.client.list(PODS, "default").items)


def test_real_time_is_waited_for_too() -> None:
    with Cluster(serve=False, ready_seconds=0.1) as c:
        c.client.create(DEPLOYMENTS, "default", deployment())
        assert c.wait_for("deployment/web", "available")["status"]["availableReplicas"] == 2


def test_differences_of_objects_are_readable() -> None:
    left = {**config_map("a", x="1"), "spec": {"containers": [{"name": "c", "image": "one"}, {"name": "d"}], "l": [1, 2]}}
    right = {**config_map("a", y="1"), "spec": {"containers": [{"name": "c", "image": "two"}], "l": [1, 3]}}
    left["metadata"] = {"name": "a", "uid": "1"}
    lines = "\n".join(compared(left, right))
    for wanted in (
        "5 differences",
        ".spec.containers[name=c].image",
        '- "one"',
        '+ "two"',
        "[name=d]",
        ".spec.l[1]",
        "fills in: .metadata.uid",
    ):
        assert wanted in lines


# --- manifests ---
TWO = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: team}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "app:v1"}]}}
---
# the output of helm and kustomize has comments and empty documents
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: team}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: "1"}}
"""


def test_manifests_of_files_folders_and_texts_in_an_order_that_works(c: Cluster, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "all.yaml").write_text(TWO)
    (tmp_path / "more.json").write_text(json.dumps(config_map("more")))
    (tmp_path / "README.md").write_text("not a manifest")
    made = c.apply(tmp_path, config_map("given"), namespace="default")
    assert [o["metadata"]["name"] for o in made] == ["team", "settings", "more", "given", "web"]
    assert c.rollout("deployment/web", namespace="team").finished().ready == 1
    (again,) = c.apply(TWO.replace('a: "1"', 'a: "2"'))[1:2]
    assert again["data"] == {"a": "2"}


def test_a_bare_pod_in_a_new_namespace(c: Cluster) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "team"},
        "spec": {"containers": [{"name": "c", "image": "a:1"}]},
    }
    c.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}, pod)
    assert c.wait_for("pod/p", "ready", namespace="team")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [\nb", "is not YAML"),
        ("just\ntext\n", "no apiVersion and kind"),
        ("apiVersion: v9\nkind: Thing\nmetadata: {name: x}\n", "no matches"),
    ],
)
def test_manifests_that_are_none_are_named(c: Cluster, text: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        c.apply(text)


def test_folders_to_be_built_first_say_how(c: Cluster, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: []")
    with pytest.raises(ManifestError, match="kubectl kustomize"):
        c.apply(tmp_path)
    with pytest.raises(ManifestError, match="does not exist"):
        c.apply(tmp_path / "nothing.yaml")


# --- state ---
def test_a_saved_cluster_goes_on_where_it_was(c: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    c.client.create(DEPLOYMENTS, "default", deployment(minReadySeconds=590))
    c.clock.advance("5m")
    c.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = {uid(pod) for pod in c.client.list(PODS, "default").items}
    with Cluster.load(path, time="virtual", seed=1, serve=False, test_mode=True) as later:
        assert later.clock.now() == c.clock.now()
        assert {uid(pod) for pod in later.client.list(PODS, "default").items} == before
        assert "availableReplicas" not in later.client.get(DEPLOYMENTS, "default", "web")["status"]
        later.clock.advance("5m1s")
        assert later.client.get(DEPLOYMENTS, "default", "web")["status"]["availableReplicas"] == 2
        assert {uid(pod) for pod in later.client.list(PODS, "default").items} == before
        made = later.client.create(MAPS, "default", config_map("new"))
        assert uid(made) not in {
            json.loads(line.rstrip(",\n"))["object"]["metadata"]["uid"] for line in path.read_text().splitlines()[1:-1]
        }


def test_files_that_are_no_state_are_named(tmp_path: Path) -> None:
    for text in ("not json", "{}", '{"format": "wherry-state/1", "now": 1, "objects": [{}]}'):
        (tmp_path / "wrong.json").write_text(text)
        with pytest.raises(StateError, match="no saved state"), Cluster.load(tmp_path / "wrong.json", serve=False):
            pass


def test_the_command_saves_shows_and_restores(c: Cluster, tmp_path: Path) -> None:
    def wherry(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wherry.cli.main", "snapshot", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=50, env={**os.environ, "COLUMNS": "100"}, check=False)

    state, home, again = tmp_path / "state.json", str(tmp_path / "home"), tmp_path / "again.json"
    c.client.create(DEPLOYMENTS, "default", deployment())
    c.clock.advance("1s")
    c.save(state)
    shown = wherry("show", str(state)).stdout
    assert "deployments.apps " in shown
    assert "ready" in shown.partition("pods:")[2]
    assert wherry("restore", str(state), "--data-dir", home).returncode == 0
    refused = wherry("restore", str(state), "--data-dir", home)
    assert (refused.returncode, "empty cluster" in refused.stderr) == (1, True)
    assert wherry("save", str(again), "--data-dir", home).returncode == 0
    objects = [{e["key"] for e in json.loads(path.read_text())["objects"]} for path in (state, again)]
    assert objects[0] == objects[1]


def test_up_starts_with_a_state_manifests_and_faults(c: Cluster, tmp_path: Path) -> None:
    c.apply(config_map("kept"))
    c.save(tmp_path / "state.json")
    (tmp_path / "more.yaml").write_text(json.dumps(config_map("more")))
    (tmp_path / "faults.yaml").write_text("- api_error: {code: 418, resource: secrets, times: 1}\n")
    home = str(tmp_path / "home")
    wherry = [sys.executable, "-m", "wherry.cli.main"]
    told = ["--data-dir", home, "--port", "0", "--from", "state.json", "--manifests", "more.yaml", "--faults", "faults.yaml"]

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*wherry, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)

    up = call("up", *told, "--detach")
    try:
        assert up.returncode == 0, up.stderr
        environment = str(tmp_path / "home" / "kubeconfig")
        ask = requester(environment)
        names = {o["metadata"]["name"] for o in ask("GET", "/api/v1/namespaces/default/configmaps")["items"]}
        assert names >= {"kept", "more"}
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask("GET", "/api/v1/secrets")
        with caught.value as answer:
            assert answer.code == 418
        assert call("snapshot", "save", "later.json", "--data-dir", home).returncode == 0
        keys = [entry["key"] for entry in json.loads((tmp_path / "later.json").read_text())["objects"]]
        assert "configmaps/default/more" in keys
        assert len(keys) == len(set(keys))
        assert not any(key.startswith("events.events") for key in keys)
    finally:
        call("down", "--data-dir", home)
    again = call("up", *told)
    assert again.returncode == 1
    assert "add --ephemeral, or give another --data-dir" in again.stderr
