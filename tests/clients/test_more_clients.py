"""kubernetes_asyncio and pykube-ng, unchanged, on a cluster in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import pykube
from kubernetes_asyncio import client, config, watch

from tests.testing.workloads import config_map, deployment
from wherry import Cluster


def test_kubernetes_asyncio(cluster: Cluster) -> None:
    async def story() -> None:
        settings: Any = client.Configuration()
        await config.load_kube_config(cluster.kubeconfig, client_configuration=settings)
        async with client.ApiClient(settings) as api:
            core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
            await core.create_namespaced_config_map("default", config_map("asyncio", a="1"))
            await apps.create_namespaced_deployment("default", deployment("asyncio"))
            async with watch.Watch() as stream:
                only = {"field_selector": "metadata.name=asyncio", "timeout_seconds": 20}
                events = stream.stream(apps.list_namespaced_deployment, "default", **only)
                async for event in events:
                    if event["object"].status.ready_replicas == 2:
                        break
            read = await core.read_namespaced_config_map("asyncio", "default")
            assert read.data == {"a": "1"}

    asyncio.run(story())


def test_pykube_ng(cluster: Cluster) -> None:
    api = pykube.HTTPClient(pykube.KubeConfig.from_file(cluster.kubeconfig))
    try:
        pykube.Deployment(api, deployment("pykube")).create()
        cluster.rollout("deployment/pykube").finished()
        found = pykube.Deployment.objects(api).filter(namespace="default").get_by_name("pykube")
        assert found.ready
        found.scale(3)
        cluster.wait_for("deployment/pykube", "jsonpath={.status.readyReplicas}=3")
        pods = pykube.Pod.objects(api).filter(namespace="default", selector={"app": "pykube"})
        assert len(list(pods)) == 3
        found.delete()
    finally:
        api.session.close()
