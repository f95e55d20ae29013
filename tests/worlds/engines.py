"""An engine of containers for short tests, whichever it is."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from contextlib import asynccontextmanager

from wherry.node.cri import ownership
from wherry.node.cri.engine import CriEngine, Settings
from wherry.node.engine import ContainerBox, Engine, PodBox
from wherry.node.images.images import Images
from wherry.node.images.store import ImageStore
from wherry.node.images.table import Table
from wherry.node.process import client
from wherry.node.process.engine import ProcessEngine

_LOOK = 0.02


class World:
    """An engine with helpers for short tests; `run` gives what a container said and its exit. `image`: with a shell and a Python."""

    def __init__(self, engine: Engine, folder, image="host"):
        self.engine, self.folder, self.image = engine, folder, image
        self._ids = itertools.count(1)
        self._logs = {}

    async def pod(self, **fields):
        number = next(self._ids)
        given = {"id": f"pod-{secrets.token_hex(4)}", "namespace": "n", "name": f"p{number}", "node": "node", "hostname": f"p{number}",
                 "addresses": (f"10.244.0.{number + 1}",), "logs": str(self.folder), **fields}
        return await self.engine.run_pod(PodBox(**given))

    async def start(self, pod, *command, image="", **fields):
        id = f"c{next(self._ids)}"
        own = await self.engine.start(pod, ContainerBox(id=id, name=id, image=image or self.image, command=command,
                                                   log=str(self.folder / id), **fields))
        self._logs[own] = id
        return own

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
        lines = self.log_file(id).read_text().splitlines()
        return "".join(line.split(" ", 3)[3] + "\n" for line in lines)

    def log_file(self, id):
        return self.folder / self._logs.get(id, id)

    async def said(self, id, text):
        """Until the container's log holds the text."""
        for _ in range(1000):
            if self.log_file(id).exists() and text in self.log(id):
                return
            await asyncio.sleep(_LOOK)
        raise AssertionError(f"it never says {text}")


def player(world):
    """Runs an asynchronous test in the world that this context gives."""
    def play(test):
        async def whole():
            async with world() as there:
                return await asyncio.wait_for(test(there), 40)

        return asyncio.run(whole())

    return play


def processes(folder, settings: client.Settings):
    """A process engine."""
    @asynccontextmanager
    async def world():
        engine = ProcessEngine(Images(ImageStore(folder / "images"), Table({"debian:*": "host"})), settings)
        await engine.begin()
        try:
            yield World(engine, folder)
        finally:
            await engine.close()

    return world


def containers(folder, runtime):
    """A container runtime's engine; nothing of it survives."""
    @asynccontextmanager
    async def world():
        engine = CriEngine(Settings(ownership.passing(), str(runtime.socket), survives=False, addresses=str(runtime.folder / "ipam")))
        await engine.begin()
        try:
            await engine.use_ranges(["10.244.0.0/24"])
            yield World(engine, folder, "busybox:1")
        finally:
            await engine.close()

    return world
