"""A process engine for tests marked `real_nodes`. They run as root and as an ordinary user alike; each also with one
id in a user namespace and without control groups, as on most machines."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest

from wherry.node.engine import ContainerBox, PodBox
from wherry.node.images.images import Images
from wherry.node.images.store import ImageStore
from wherry.node.images.table import Table
from wherry.node.process.client import Settings
from wherry.node.process.engine import ProcessEngine


class World:
    """An engine with helpers for short tests; `run` gives what a container said and its exit."""

    def __init__(self, engine: ProcessEngine, folder):
        self.engine, self.folder = engine, folder
        self._ids = itertools.count(1)

    async def pod(self, **fields):
        number = next(self._ids)
        given = {"id": f"pod-{number}", "namespace": "n", "name": f"p{number}", "node": "node", "hostname": f"p{number}",
                 "addresses": (f"10.244.0.{number + 1}",), **fields}
        return await self.engine.run_pod(PodBox(**given))

    async def start(self, pod, *command, image="host", **fields):
        id = f"c{next(self._ids)}"
        await self.engine.start(pod, ContainerBox(id=id, name="c", image=image, command=command, log=str(self.folder / id), **fields))
        return id

    async def run(self, *command, pod=None, **fields):
        """(exit code, output with errors)"""
        id = await self.start(pod or await self.pod(), *command, **fields)
        ended = await self.exit_of(id)
        return ended.code, self.log(id)

    async def exit_of(self, id):
        async for ended in self.engine.exits():
            if ended.id == id:
                return ended
        raise AssertionError("the engine ended")

    def log(self, id):
        lines = (self.folder / id).read_text().splitlines()
        return "".join(line.split(" ", 3)[3] + "\n" for line in lines)

    async def said(self, id, text):
        """Until the container's log holds the text."""
        session = await self.engine.attach(id)
        seen = self.log(id)
        while text not in seen:
            data = await session.stdout.read()
            assert data, seen
            seen += data.decode()
        await session.close()


@pytest.fixture(params=[Settings(), Settings(ids="single", cgroups=False)], ids=["as allowed", "one id"])
def settings(request):
    return request.param


@pytest.fixture
def play(tmp_path, settings):
    """Run an asynchronous test in a world of its own."""
    @asynccontextmanager
    async def world():
        engine = ProcessEngine(Images(ImageStore(tmp_path / "images"), Table({"debian:*": "host"})), settings)
        await engine.begin()
        try:
            yield World(engine, tmp_path)
        finally:
            await engine.close()

    def play(test):
        async def whole():
            async with world() as there:
                return await asyncio.wait_for(test(there), 40)

        return asyncio.run(whole())

    return play
