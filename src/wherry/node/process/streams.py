"""Pipes and terminals as asynchronous streams, without a thread or a buffer of their own: who does not read holds up who writes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable


class PipeSource:
    """The reading end of a descriptor, which it owns. One reader at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)

    async def read(self, most: int = 65536) -> bytes:
        while self._descriptor >= 0:
            try:
                return os.read(self._descriptor, most)
            except BlockingIOError:
                await _until(self._loop.add_reader, self._loop.remove_reader, self._descriptor)
            except OSError:  # a terminal whose program ended
                return b""
        return b""

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)


class PipeSink:
    """The writing end of a descriptor, which it owns. A terminal is told of the end by its character for it (ctrl-D)."""

    def __init__(self, descriptor: int, *, terminal: bool = False) -> None:
        self._descriptor = descriptor
        self._terminal = terminal
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self._descriptor < 0:
                raise BrokenPipeError("closed")
            try:
                view = view[os.write(self._descriptor, view):]
            except BlockingIOError:
                await _until(self._loop.add_writer, self._loop.remove_writer, self._descriptor)
            except OSError as error:
                raise BrokenPipeError(str(error)) from error

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            if self._terminal:
                _say_end(descriptor)
            self._loop.remove_writer(descriptor)
            os.close(descriptor)


def _say_end(terminal: int) -> None:
    try:
        os.write(terminal, b"\x04")
    except OSError:
        return  # nobody is there to read it


async def _until(add: Callable[..., None], remove: Callable[[int], object], descriptor: int) -> None:
    ready = asyncio.Event()
    add(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        remove(descriptor)
