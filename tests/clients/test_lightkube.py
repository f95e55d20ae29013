"""lightkube creates, waits for, patches, watches and deletes a Deployment."""

from __future__ import annotations

import pytest
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Pod

from tests.clients.manifests import deployment
from wherry import Cluster


def test_deployment_from_create_to_delete(cluster: Cluster) -> None:
    client = Client(config=KubeConfig.from_file(cluster.kubeconfig), namespace="default")
    client.create(Deployment.from_dict(deployment("lightkube")))
    client.wait(Deployment, "lightkube", for_conditions=["Available"])

    client.patch(Deployment, "lightkube", {"spec": {"replicas": 3}})
    for _, obj in client.watch(Deployment, fields={"metadata.name": "lightkube"}, server_timeout=20):
        if obj.status is not None and obj.status.readyReplicas == 3:
            break
    assert len(list(client.list(Pod, labels={"app": "lightkube"}))) == 3

    client.delete(Deployment, "lightkube")
    with pytest.raises(ApiError) as missing:
        client.get(Deployment, "lightkube")
    assert missing.value.status.code == 404
