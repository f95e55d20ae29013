"""With a seed, a run on virtual time repeats byte for byte: every write, its revision and its place among the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.virtual_time.virtual_cluster import DEPLOYMENTS, deployment, on_cluster
from wherry import Cluster
from wherry.api.resources import resource

Write = tuple[str, int, bool, bytes]


async def _story(cluster: Cluster) -> list[Write]:
    stream = cluster.store.watch("", after=0)
    client = cluster.client
    await client.create(DEPLOYMENTS, "default", deployment("web", replicas=5))
    await client.create(
        resource("services"),
        "default",
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], "type": "NodePort"},
        },
    )
    await client.create(resource("namespaces"), "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
    await client.create(DEPLOYMENTS, "team", deployment("api", replicas=3))
    await cluster.clock.sleep(30)
    for image in ("nginx:2", "nginx:999.1", "nginx:3"):
        change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
        await client.patch(DEPLOYMENTS, "default", "web", change, "application/strategic-merge-patch+json")
        await cluster.clock.sleep(100)
    await client.delete(resource("namespaces"), "", "team")
    await client.delete(DEPLOYMENTS, "default", "web")
    await cluster.clock.sleep(100)
    wanted = cluster.store.revision
    writes: list[Write] = []
    while not writes or writes[-1][1] < wanted:
        writes += [(r.key, r.revision, r.deleted, r.value) for r in await anext(aiter(stream))]
    stream.close()
    return writes


def test_the_same_seed_gives_the_same_writes() -> None:
    first, second = on_cluster(_story), on_cluster(_story)
    for one, two in zip(first, second, strict=False):
        assert one == two
    assert len(first) == len(second)
    assert len(first) > 200


def test_another_seed_gives_other_names() -> None:
    first, second = on_cluster(_story, seed=1), on_cluster(_story, seed=2)
    assert {w[0] for w in first} != {w[0] for w in second}


_PROGRAM = """
import hashlib
from tests.cluster.virtual_time.test_determinism import _story
from tests.cluster.virtual_time.virtual_cluster import on_cluster
print(hashlib.sha256(repr(on_cluster(_story)).encode()).hexdigest())
"""


@pytest.mark.parametrize("repeat", [1])
def test_the_hash_seed_of_the_process_does_not_matter(repeat: int) -> None:
    root = Path(__file__).parents[3]
    found = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": str(root)},
            cwd=root,
            capture_output=True,
            text=True,
            timeout=40,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
