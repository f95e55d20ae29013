"""Sessions: the streams of a further program in a container, and those of a container itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from wherry.linux import ptys
from wherry.node.process.client import Ended
from wherry.node.process.output import Follower
from wherry.node.process.streams import PipeSink, PipeSource
from wherry.streams.session import Sink, Source


class ExecSession:
    """Of a program of its own. `terminal`: the descriptor to resize, -1 without one; it belongs to the session."""

    def __init__(self, sink: PipeSink | None, out: PipeSource, err: PipeSource | None, terminal: int, exit: Awaitable[int],
                 kill: Callable[[], Awaitable[None]]) -> None:
        self.stdin: Sink | None = sink
        self.stdout: Source = out
        self.stderr: Source | None = err
        self._ends = [stream for stream in (sink, out, err) if stream is not None]
        self._terminal = terminal
        self._exit = asyncio.ensure_future(exit)
        self._kill = kill

    def resize(self, columns: int, rows: int) -> None:
        if self._terminal >= 0:
            with contextlib.suppress(OSError):
                ptys.resize(self._terminal, columns, rows)

    async def wait(self) -> int:
        return await asyncio.shield(self._exit)

    async def close(self) -> None:
        self._terminal = -1
        for stream in self._ends:
            stream.close()
        if not self._exit.done():
            await self._kill()
            await asyncio.shield(self._exit)


class AttachSession:
    """Of a container, which runs on when it is closed; other sessions may be attached too."""

    def __init__(self, sink: Sink | None, followers: Sequence[Follower], resize: Callable[[int, int], None],
                 exit: asyncio.Future[Ended]) -> None:
        self.stdin = sink
        self.stdout: Source = followers[0]
        self.stderr: Source | None = followers[1] if len(followers) > 1 else None
        self._followers = followers
        self._resize = resize
        self._exit = exit

    def resize(self, columns: int, rows: int) -> None:
        self._resize(columns, rows)

    async def wait(self) -> int:
        return (await asyncio.shield(self._exit)).code

    async def close(self) -> None:
        for follower in self._followers:
            follower.close()


class SharedSink:
    """A container's input for one that is attached: it stays open for the next, unless it was to be had once."""

    def __init__(self, sink: PipeSink, *, once: bool) -> None:
        self._sink, self._once = sink, once
        self._closed = False

    async def write(self, data: bytes) -> None:
        if self._closed:
            raise BrokenPipeError("closed")
        await self._sink.write(data)

    def close(self) -> None:
        if not self._closed and self._once:
            self._sink.close()
        self._closed = True
