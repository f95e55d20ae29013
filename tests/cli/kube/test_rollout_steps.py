"""`rollout steps` as it is typed: what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cli.kube.test_rollout_beyond import prepared, run
from wherry import Cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2) as running:
        yield running


def test_a_release_in_steps_says_each_of_them_and_ends_with_0(cluster: Cluster) -> None:
    prepared(cluster, "good", "nginx:1")
    run(cluster, "status", "deployment/good")
    status, out, _ = run(cluster, "steps", "deployment/good", "--steps", "50%, pause 100ms, check", "--image", "c=nginx:2",
                         "--check", "restarts=0 count=1")
    assert status == 0
    assert "deployments/good: step 1 of 4 (50%): moving; 0 of 0 new pods ready, 2 wanted\n" in out
    assert out.endswith("deployments/good: done\n")
    assert run(cluster, "steps", "show", "deployment/good")[1] == "deployments/good: done\n"


def test_a_check_that_fails_ends_with_4_and_an_action_steers(cluster: Cluster) -> None:
    prepared(cluster, "bad", "nginx:1")
    run(cluster, "status", "deployment/bad")
    assert run(cluster, "steps", "show", "deployment/bad")[1] == "deployments/bad: nothing was rolled out in steps yet\n"
    status, out, _ = run(cluster, "steps", "deployment/bad", "--steps", "50%, check", "--image", "c=nginx:2", "-o", "json",
                         "--check", "name=no command='sh -c \"echo broken; exit 2\"'")
    said = [json.loads(line) for line in out.splitlines()]
    assert status == 4
    assert (said[-1]["type"], said[-1]["phase"], said[-1]["why"]) == ("steps", "aborted", "check no: exit status 2: broken")
    status, out, _ = run(cluster, "steps", "deployment/bad", "--steps", "50%, pause", "--image", "c=nginx:3", "--timeout", "3s")
    assert status == 1
    assert '"rollout steps deployment/bad" goes on' in _
    assert "step 2 of 3 (pause): paused; 1 of 1 new pods ready" in run(cluster, "status", "--live", "--watch=false", "deployment/bad")[1]
    assert "finishing" in run(cluster, "steps", "promote", "deployment/bad")[1]
    assert run(cluster, "steps", "deployment/bad")[:2] == (0, run(cluster, "steps", "deployment/bad")[1])


@pytest.mark.parametrize(("words", "said"), [
    ((), "required resource not specified"), (("deployment/plain", "--image", "x"), "must be CONTAINER=IMAGE"),
    (("deployment/plain", "--steps", "ten"), 'step "ten" is none'), (("promote", "deployment/plain"), "is not being rolled out in steps"),
    (("deployment/plain",), "no steps: give them with --steps"),
    (("deployment/plain", "-o", "yaml"), "allowed formats are: json"), (("retry", "deployment/plain"), "to retry")])
def test_what_makes_no_sense_is_refused_by_name(cluster: Cluster, words: tuple[str, ...], said: str) -> None:
    if not run(cluster, "status", "deployment/plain", "--watch=false")[1]:
        prepared(cluster, "plain", "nginx:1")
    status, _, err = run(cluster, "steps", *words)
    assert status == 1
    assert said in err
