"""The official Python client creates, watches, patches, rolls and deletes a Deployment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kubernetes import client, config, watch

from tests.clients.manifests import deployment
from wherry import Cluster


@pytest.fixture
def apps(cluster: Cluster) -> Iterator[client.AppsV1Api]:
    with config.new_client_from_config(cluster.kubeconfig) as connection:
        yield client.AppsV1Api(connection)


def test_deployment_from_create_to_delete(apps: client.AppsV1Api) -> None:
    created = apps.create_namespaced_deployment("default", deployment("official"))
    assert created.spec.strategy.rolling_update.max_surge == "25%"
    _rolled_out(apps, created.metadata.resource_version)

    patched = apps.patch_namespaced_deployment(
        "official", "default", {"spec": {"template": {"spec": {"containers": [{"name": "nginx", "image": "nginx:1.22"}]}}}}
    )
    assert patched.metadata.generation == 2
    done = _rolled_out(apps, patched.metadata.resource_version)
    assert done.metadata.annotations["deployment.kubernetes.io/revision"] == "2"

    apps.delete_namespaced_deployment("official", "default")
    with pytest.raises(client.ApiException) as missing:
        apps.read_namespaced_deployment("official", "default")
    assert missing.value.status == 404


def test_a_bad_object_gets_all_its_causes(apps: client.AppsV1Api) -> None:
    wrong = deployment("wrong")
    wrong["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    wrong["spec"]["replicas"] = -1
    with pytest.raises(client.ApiException) as refused:
        apps.create_namespaced_deployment("default", wrong)
    assert refused.value.status == 422
    assert "spec.replicas" in refused.value.body
    assert "spec.template.metadata.labels" in refused.value.body


def _rolled_out(apps: client.AppsV1Api, version: str) -> client.V1Deployment:
    for event in watch.Watch().stream(apps.list_namespaced_deployment, "default", resource_version=version, timeout_seconds=20):
        obj = event["object"]
        status = obj.status
        if (
            obj.metadata.name == "official"
            and status.observed_generation == obj.metadata.generation
            and status.updated_replicas == status.available_replicas == status.replicas == obj.spec.replicas
        ):
            return obj
    raise AssertionError("not rolled out within 20 s")
