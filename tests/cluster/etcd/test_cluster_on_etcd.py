"""A whole cluster whose objects are in etcd: it works, starts again where it was, and bears an etcd that goes and comes back."""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.worlds.etcd import EtcdServer
from wherry import Cluster
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.store.protocol import StoreError

pytestmark = pytest.mark.etcd

MAPS, PODS, DEPLOYMENTS = resource("configmaps"), resource("pods"), resource("deployments", "apps")


def deployment(name: str, replicas: int) -> Obj:
    labels = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}}


def config_map(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}


def on(server: EtcdServer, prefix: str, home: Path, **more: Any) -> Cluster:
    return Cluster(data_dir=home, etcd_servers=(server.url,), etcd_prefix=prefix, **more)


async def ready(c: Cluster, name: str, replicas: int) -> None:
    async with asyncio.timeout(20):
        while (await c.client.get(DEPLOYMENTS, "default", name))["status"].get("readyReplicas") != replicas:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def ask(kubeconfig: str, path: str) -> tuple[int, str]:
    config = yaml.safe_load(Path(kubeconfig).read_text())
    context = ssl.create_default_context(cafile=str(Path(kubeconfig).parent / "pki" / "ca.crt"))
    token = config["users"][0]["user"]["token"]
    request = urllib.request.Request(config["clusters"][0]["cluster"]["server"] + path, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_rollout_is_in_etcd_and_goes_on_after_a_restart(etcd_server: EtcdServer, prefix: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on(etcd_server, prefix, tmp_path, test_mode=True) as c:
            await c.client.create(DEPLOYMENTS, "default", deployment("web", 3))
            await ready(c, "web", 3)
            before = {p["metadata"]["name"]: p["metadata"]["uid"] for p in (await c.client.list(PODS)).items}
        listed = etcd_server.ctl("get", "--prefix", f"{prefix}/", "--keys-only").split()
        expected = {"deployments/default/web", "minions/sim-0", "services/specs/default/kubernetes"}
        assert {f"{prefix}/{each}" for each in expected} <= set(listed)
        stored = json.loads(etcd_server.ctl("get", "--print-value-only", f"{prefix}/deployments/default/web"))
        assert "resourceVersion" not in stored["metadata"]
        async with on(etcd_server, prefix, tmp_path, test_mode=True) as c:
            assert {p["metadata"]["name"]: p["metadata"]["uid"] for p in (await c.client.list(PODS)).items} == before
            await c.client.update(DEPLOYMENTS, {**await c.client.get(DEPLOYMENTS, "default", "web"), "spec": deployment("web", 5)["spec"]})
            await ready(c, "web", 5)

    asyncio.run(story())


def test_while_etcd_is_gone_the_cluster_says_so_and_it_ends_by_itself(etcd_server: EtcdServer, prefix: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on(etcd_server, prefix, tmp_path) as c:
            await c.client.create(MAPS, "default", config_map("before"))
            etcd_server.kill()
            try:
                with pytest.raises(StatusError, match="rpc error: code = Unavailable") as refused:
                    await c.client.create(MAPS, "default", config_map("during"))
                assert refused.value.code == 500
                async with asyncio.timeout(10):
                    while (said := await asyncio.to_thread(ask, c.kubeconfig, "/readyz"))[0] == 200:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                assert "[-]store" in said[1]
            finally:
                etcd_server.start()
            async with asyncio.timeout(15):
                while (await asyncio.to_thread(ask, c.kubeconfig, "/readyz"))[0] != 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await c.client.create(DEPLOYMENTS, "default", deployment("web", 2))
            await ready(c, "web", 2)

    asyncio.run(story())


REFUSED = [({"ephemeral": True}, "ephemeral keeps objects in memory"), ({"processes": 2}, "processes must be 1")]


@pytest.mark.parametrize(("more", "why"), REFUSED)
def test_options_that_do_not_go_with_etcd_are_refused(etcd_server: EtcdServer, tmp_path: Path, more: dict[str, Any], why: str) -> None:
    with pytest.raises(StoreError, match=why):
        asyncio.run(on(etcd_server, "/never", tmp_path, **more).start())


def test_a_data_directory_of_another_cluster_is_refused(etcd_server: EtcdServer, prefix: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on(etcd_server, prefix, tmp_path / "one", run_nodes=False):
            pass
        async with Cluster(data_dir=tmp_path / "two", run_nodes=False):
            pass
        with pytest.raises(StoreError, match="is the CA of another cluster"):
            await on(etcd_server, prefix, tmp_path / "two").start()

    asyncio.run(story())
