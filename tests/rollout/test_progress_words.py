"""What the status of a workload says, in kubectl's words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rollout.workloads import daemon_set, deployment, stateful_set, with_status
from wherry.rollout.errors import Failed, OtherRevision, Unsupported
from wherry.rollout.progress import progress


@pytest.mark.parametrize(("status", "message", "done"), [
    ({"observedGeneration": 0}, "Waiting for deployment spec update to be observed...", False),
    ({"updatedReplicas": 1, "replicas": 3}, 'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...',
     False),
    ({"updatedReplicas": 3, "replicas": 4}, 'Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...',
     False),
    ({"updatedReplicas": 3, "replicas": 3, "availableReplicas": 2},
     'Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...', False),
    ({"updatedReplicas": 3, "replicas": 3, "availableReplicas": 3}, 'deployment "web" successfully rolled out', True),
])
def test_a_deployment(status: dict[str, Any], message: str, done: bool) -> None:
    found = progress(with_status(deployment(), **status))
    assert (found.message, found.done) == (message, done)


def test_a_deployment_over_its_deadline_has_failed() -> None:
    late = with_status(deployment(), conditions=[{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}])
    with pytest.raises(Failed, match='deployment "web" exceeded its progress deadline'):
        progress(late)


def test_a_deadline_of_an_older_spec_does_not_count() -> None:
    late = with_status(deployment(), observedGeneration=0,
                       conditions=[{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}])
    assert not progress(late).done


def test_only_the_revision_that_was_asked_for_counts() -> None:
    with pytest.raises(OtherRevision, match=r"desired revision \(2\) is different from the running revision \(0\)"):
        progress(with_status(deployment()), 2)


@pytest.mark.parametrize(("rolling", "status", "message", "done"), [
    (None, {"observedGeneration": 0}, "Waiting for statefulset spec update to be observed...", False),
    (None, {"readyReplicas": 3}, "Waiting for 1 pods to be ready...", False),
    ({"partition": 2}, {"readyReplicas": 4, "updatedReplicas": 1},
     "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...", False),
    ({"partition": 2}, {"readyReplicas": 4, "updatedReplicas": 2}, "partitioned roll out complete: 2 new pods have been updated...", True),
    ({}, {"readyReplicas": 4, "updatedReplicas": 0}, "partitioned roll out complete: 0 new pods have been updated...", True),
    (None, {"readyReplicas": 4, "updatedReplicas": 2, "updateRevision": "b", "currentRevision": "a"},
     "waiting for statefulset rolling update to complete 2 pods at revision b...", False),
    (None, {"readyReplicas": 4, "currentReplicas": 4, "updateRevision": "b", "currentRevision": "b"},
     "statefulset rolling update complete 4 pods at revision b...", True),
])
def test_a_stateful_set(rolling: dict[str, Any] | None, status: dict[str, Any], message: str, done: bool) -> None:
    obj = stateful_set(**({"rollingUpdate": rolling} if rolling is not None else {}))
    found = progress(with_status(obj, **status))
    assert (found.message, found.done) == (message, done)


@pytest.mark.parametrize(("status", "message", "done"), [
    ({"desiredNumberScheduled": 4, "updatedNumberScheduled": 2},
     'Waiting for daemon set "agent" rollout to finish: 2 out of 4 new pods have been updated...', False),
    ({"desiredNumberScheduled": 4, "updatedNumberScheduled": 4, "numberAvailable": 3},
     'Waiting for daemon set "agent" rollout to finish: 3 of 4 updated pods are available...', False),
    ({"desiredNumberScheduled": 0}, 'daemon set "agent" successfully rolled out', True),
])
def test_a_daemon_set(status: dict[str, Any], message: str, done: bool) -> None:
    found = progress(with_status(daemon_set(), **status))
    assert (found.message, found.done) == (message, done)


def test_what_is_replaced_by_hand_has_no_status() -> None:
    with pytest.raises(Unsupported, match="only available for RollingUpdate strategy type"):
        progress(with_status(daemon_set("OnDelete")))


def test_other_kinds_have_no_status() -> None:
    with pytest.raises(Unsupported, match=r"no status viewer has been implemented for ReplicaSet\.apps"):
        progress({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "x"}, "spec": {}})
