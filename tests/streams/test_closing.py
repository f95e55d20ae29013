"""A session is closed to its end, also when the connection breaks while it is being closed."""

from __future__ import annotations

import asyncio

import pytest

from wherry.api.objects import Obj
from wherry.streams.remote_command import Feed, Wanted, serve
from wherry.streams.session import Session


class Quiet:
    """A program that writes nothing and takes a while to end."""

    stdin = stderr = None

    def __init__(self) -> None:
        self.closing, self.goes_on = asyncio.Event(), asyncio.Event()
        self.closed = False
        self.stdout = self

    async def read(self, most: int = 0) -> bytes:
        await asyncio.Event().wait()
        return b""

    def resize(self, columns: int, rows: int) -> None:
        raise AssertionError("there is no terminal")

    async def wait(self) -> int:
        return 0

    async def close(self) -> None:
        self.closing.set()
        await self.goes_on.wait()
        self.closed = True


class Gone:
    """A client that says goodbye at once."""

    async def input(self, session: Feed) -> None:
        return

    async def send(self, channel: int, data: bytes) -> None:
        raise ConnectionError

    async def finish(self, status: Obj) -> None:
        raise ConnectionError


def test_a_connection_that_breaks_while_its_session_is_closed() -> None:
    async def test() -> None:
        session = Quiet()

        async def opened() -> Session:
            return session

        serving = asyncio.create_task(serve(opened, Gone(), Wanted(stdout=True)))
        await session.closing.wait()
        serving.cancel()
        await asyncio.sleep(0)
        session.goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert session.closed

    asyncio.run(test())
