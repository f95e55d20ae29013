"""Volumes at places that the machine's own file system does not have: there for an ordinary user, too, and what lies beside them stays."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.worlds.real_nodes import World
from wherry import Cluster

pytestmark = pytest.mark.real_nodes


def test_a_volume_below_a_folder_that_is_not_ours() -> None:
    places = ("/var/lib/wherry-test/deep", "/etc/wherry-test", "/usr/share/wherry-test", "/made/anew")

    async def story() -> None:
        async with Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",)) as cluster:
            world = World(cluster, "process")
            mounts = [{"name": "v", "mountPath": place} for place in places]
            await world.pod("p", "sleep 1000", container={"volumeMounts": mounts}, volumes=[{"name": "v", "emptyDir": {}}])
            await world.ready("p")
            await world.run("p", "touch", f"{places[0]}/file")
            for place in places:
                assert await world.run("p", "ls", place) == "file\n"
            assert set(os.listdir("/var/lib")) < set((await world.run("p", "ls", "-A", "/var/lib")).split())

    asyncio.run(asyncio.wait_for(story(), 50))
