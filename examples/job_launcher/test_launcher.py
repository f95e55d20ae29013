from __future__ import annotations

from collections.abc import Iterator

import pytest
from kubernetes import client, config
from launcher import Failed, launch

from wherry import resource
from wherry.testing import NamespacedCluster

#: how the simulated containers of a pod behave
EXIT_CODE = "wherry.dev/simulated-exit-code"


@pytest.fixture
def api(cluster_session: NamespacedCluster) -> Iterator[client.BatchV1Api]:
    with config.new_client_from_config(cluster_session.kubeconfig) as connection:
        yield client.BatchV1Api(connection)


def test_a_job_that_succeeds(cluster_session: NamespacedCluster, api: client.BatchV1Api) -> None:
    launch(api, cluster_session.namespace, "work", "work:1", annotations={EXIT_CODE: "0"})
    job = api.read_namespaced_job("work", cluster_session.namespace)
    assert job.status is not None
    assert job.status.succeeded == 1


def test_a_job_that_fails_says_why(cluster_session: NamespacedCluster, api: client.BatchV1Api) -> None:
    with pytest.raises(Failed, match="BackoffLimitExceeded"):
        launch(api, cluster_session.namespace, "work", "work:1", retries=0, annotations={EXIT_CODE: "1"})
    pods = cluster_session.client.list(resource("pods"), cluster_session.namespace).items
    assert [pod["status"]["phase"] for pod in pods] == ["Failed"]


def test_every_test_has_its_own_namespace(cluster_session: NamespacedCluster, api: client.BatchV1Api) -> None:
    assert api.list_namespaced_job(cluster_session.namespace).items == []
