"""A kopf operator runs against a served cluster: it watches custom objects, makes children, writes status, and holds by a finalizer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rules.custom.widgets import WIDGETS, gone, until, widget
from wherry import Cluster
from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.resources import resource

MAPS = resource("configmaps")


@pytest.fixture
def operator(served: Cluster, tmp_path: Path) -> Iterator[Path]:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace=default", str(Path(__file__).with_name("operator.py"))]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, "KUBECONFIG": served.kubeconfig}, stdout=output, stderr=output)
        try:
            yield log
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.timeout(90)
def test_an_operator_makes_children_writes_status_and_says_farewell(served: Cluster, operator: Path) -> None:
    async def story() -> None:
        client = served.aclient
        await client.create(WIDGETS, "default", widget())

        async def child() -> Obj | None:
            try:
                return await client.get(MAPS, "default", "w")
            except NotFound:
                return None

        async def told() -> Obj | None:
            found = await client.get(WIDGETS, "default", "w")
            return found if "make" in (found.get("status") or {}) else None

        made = await until(child, 60)
        assert made["data"] == {"size": "3"}
        found = await until(told, 30)
        assert found["status"]["make"] == {"map": "w"}
        assert found["metadata"]["finalizers"] == ["example.com/widget-operator"]
        assert made["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]
        await client.patch(WIDGETS, "default", "w", {"spec": {"size": 5}}, "application/merge-patch+json")

        async def resized() -> bool:
            now = await client.get(WIDGETS, "default", "w")
            return now["status"].get("ready") == 5 and (await client.get(MAPS, "default", "w"))["data"] == {"size": "5"}

        await until(resized, 30)
        await client.delete(WIDGETS, "default", "w")
        await gone(served, WIDGETS, "default", "w")
        await gone(served, MAPS, "default", "w")
        assert await client.get(MAPS, "default", "w-farewell")

    try:
        served.call(story())
    except BaseException:
        print(operator.read_text(errors="replace"))  # noqa: T201
        raise
