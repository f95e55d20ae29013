"""The tutorial "Deploying WordPress and MySQL with Persistent Volumes", with programs in pods: kustomize's Secret, claims, Recreate.

The images are stand-ins, the machine's own MariaDB and a web server of its own Python (Debian's mariadb-server-core and python3-pymysql).
Data survive the database's pod and a restart of wherry.
Source: https://kubernetes.io/docs/tutorials/stateful-application/mysql-wordpress-persistent-volume/.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.replay.kubectl_versions import kubectl
from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.resources import resource
from wherry.cluster import pod_network

pytestmark = [pytest.mark.real_nodes, pytest.mark.kubectl, pytest.mark.timeout(150)]

MANIFESTS = Path(__file__).parent / "manifests" / "wordpress"
PODS, CLAIMS = resource("pods"), resource("persistentvolumeclaims")
IMAGES = ("mysql:*=host", "wordpress:*=host")


class Site:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.world = cluster, World(cluster, "process")

    async def kubectl(self, *words: str) -> str:
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)}
        process = await asyncio.create_subprocess_exec(
            kubectl(), *words, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        said = (await process.communicate())[0].decode()
        assert process.returncode == 0, said
        return said

    async def ask(self, method: str, body: bytes = b"") -> tuple[int, str]:
        """As somebody outside of the pods does, at the Service."""
        service = await self.cluster.client.get(resource("services"), "default", "wordpress")
        network = pod_network.of(self.cluster)
        assert network is not None
        reader, writer = await asyncio.open_connection(sock=await network.connect(service["spec"]["clusterIP"], 80))
        writer.write(f"{method} / HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        head, _, text = (await reader.read(-1)).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), text.decode()

    async def shows(self, lines: list[str]) -> None:
        """Until the page says this; its first connections may find nobody."""

        async def said() -> bool:
            try:
                return await asyncio.wait_for(self.ask("GET"), 5) == (200, "\n".join(lines))
            except (OSError, TimeoutError, IndexError, ValueError):
                return False

        try:
            await self.world.eventually(said, limit=40)
        except AssertionError:
            told = [await self.kubectl("logs", f"deployment/{name}", "--tail=20") for name in ("wordpress-mysql", "wordpress")]
            raise AssertionError(f"the page does not say {lines}: {await self.ask('GET')}\n" + "\n".join(told)) from None

    async def pod(self, tier: str) -> Any:
        pods = (await self.cluster.client.list(PODS, "default", label_selector=f"tier={tier}")).items
        return next((pod for pod in pods if not pod["metadata"].get("deletionTimestamp")), None)


def running(folder: Path) -> Cluster:
    return Cluster(runtime="process", nodes=1, image_table=IMAGES, data_dir=folder)


def test_data_survive_the_databases_pod_and_a_restart_of_wherry(tmp_path: Path) -> None:
    missing = [name for name in ("mariadbd", "mariadb-install-db") if shutil.which(name) is None and not Path(f"/usr/sbin/{name}").exists()]
    assert not missing, f"this test needs Debian's mariadb-server-core and python3-pymysql: {missing}"

    async def first() -> None:
        async with running(tmp_path) as cluster:
            site = Site(cluster)
            said = await site.kubectl("apply", "-k", str(MANIFESTS))
            assert "secret/mysql-pass-" in said
            await site.shows([])
            assert (await site.ask("POST", b"Hello world!"))[0] == 200
            await site.shows(["Hello world!", "upload-0"])
            assert (await site.kubectl("get", "pvc", "-o", "jsonpath={.items[*].status.phase}")) == "Bound Bound"
            before = await site.pod("mysql")
            await site.kubectl("delete", "pod", before["metadata"]["name"], "--grace-period=5")

            async def another() -> bool:
                pod = await site.pod("mysql")
                return bool(pod and pod["metadata"]["uid"] != before["metadata"]["uid"])

            await site.world.eventually(another)
            await site.shows(["Hello world!", "upload-0"])
            assert (await site.ask("POST", b"Second post"))[0] == 200

    async def second() -> None:
        async with running(tmp_path) as cluster:
            site = Site(cluster)
            await site.shows(["Hello world!", "Second post", "upload-0", "upload-1"])
            await site.kubectl("delete", "-k", str(MANIFESTS), "--grace-period=1")

            async def gone() -> bool:
                return not (await cluster.client.list(CLAIMS, "default")).items

            await site.world.eventually(gone)

    asyncio.run(asyncio.wait_for(first(), 100))
    asyncio.run(asyncio.wait_for(second(), 45))
