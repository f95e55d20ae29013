"""exec and attach: the streams of a `Session` carried to a client, whatever it speaks.

Called by the API server and by the node's own API once the session is there. The client's input goes to the program, its output and errors
to the client, each waiting for the other side; when the program has ended and everything it wrote is sent, the client is told how, as a
Status (before v4 as a text, and nothing for success). A client that goes, or on whose session nothing moves for hours, ends it.
Source: k8s.io/apimachinery/pkg/util/remotecommand/constants.go; the kubelet's --streaming-connection-idle-timeout (4h).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, Protocol

import msgspec

from wherry.api.errors import InternalError, StatusError
from wherry.api.objects import Obj
from wherry.kit.finishing import finish
from wherry.streams.idle import LONGEST, Idle
from wherry.streams.session import Session, Sink, Source, outcome

_log = logging.getLogger(__name__)
STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
#: bytes of one step from one side to the other
_PIECE = 32 * 1024


class Wanted(NamedTuple):
    """Which streams the client asks for."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


class Client(Protocol):
    """The client's side of a session: `remote_command_spdy` and `remote_command_websocket`."""

    async def input(self, session: Feed) -> None:
        """Brings what the client sends to the session, until the client is gone."""
        ...

    async def send(self, channel: int, data: bytes) -> None:
        """Raises ConnectionError."""
        ...

    async def finish(self, status: Obj) -> None:
        """Tells the client how it ended; nothing follows."""
        ...


#: starts the program, or attaches to it. Raises StatusError
Open = Callable[[], Awaitable[Session]]


class Size(msgspec.Struct):
    Width: int = 0
    Height: int = 0


class Feed:
    """What a client may do to a session."""

    def __init__(self, session: Session, idle: Idle) -> None:
        self._session, self._idle = session, idle
        self._stdin: Sink | None = session.stdin

    async def write(self, data: bytes) -> None:
        """To the program's input, as long as it reads."""
        self._idle.moved()
        if self._stdin is not None and data:
            try:
                await self._stdin.write(data)
            except BrokenPipeError:
                self._stdin = None

    def end(self) -> None:
        """The program's input ends."""
        if self._stdin is not None:
            self._stdin.close()
            self._stdin = None

    def resize(self, message: bytes) -> None:
        """A terminal size as JSON; what is none is passed over, as the reference does."""
        try:
            size = msgspec.json.decode(message, type=Size)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return
        if 0 < size.Width < 1 << 16 and 0 < size.Height < 1 << 16:
            self._session.resize(size.Width, size.Height)


async def serve(open_session: Open, client: Client, wanted: Wanted, *, idle: float = LONGEST) -> None:
    """Opens the session, carries it to its end or to the client's, and closes it."""
    try:
        session = await open_session()
    except StatusError as error:
        await client.finish(error.to_status())
        return
    try:
        with Idle(idle) as watch:
            await _carry(session, client, wanted, watch)
    except ConnectionError:
        pass  # gone before it could be told
    finally:
        await finish(session.close())


async def _carry(session: Session, client: Client, wanted: Wanted, idle: Idle) -> None:
    """Raises ConnectionError when the client is gone."""
    ending = asyncio.ensure_future(_output(session, client, wanted, idle))
    feeding = asyncio.ensure_future(client.input(Feed(session, idle)))
    waiting: list[asyncio.Future[Any]] = [ending, feeding, idle.over]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            await client.finish(_ended(ending))
    finally:
        await _stop(ending, feeding)


def _ended(ending: asyncio.Future[Obj]) -> Obj:
    """Raises ConnectionError when the client is gone."""
    error = ending.exception()
    if error is None or isinstance(error, ConnectionError):
        return ending.result()
    _log.error("a session failed", exc_info=error)
    return InternalError(f"Internal error occurred: {error}").to_status()


async def _output(session: Session, client: Client, wanted: Wanted, idle: Idle) -> Obj:
    """All the program writes, then how it ended. Raises ConnectionError when the client is gone."""
    sources: list[tuple[int, Source | None, bool]] = [(STDOUT, session.stdout, wanted.stdout), (STDERR, session.stderr, wanted.stderr)]
    pumps: list[Coroutine[Any, Any, None]] = [_pump(source, client, n, asked, idle) for n, source, asked in sources if source is not None]
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _stop(*tasks)
    return await outcome(session)


async def _pump(source: Source, client: Client, channel: int, asked: bool, idle: Idle) -> None:
    """What nobody asked for is read all the same: a full pipe would hold up the program."""
    while data := await source.read(_PIECE):
        idle.moved()
        if asked:
            await client.send(channel, data)


async def _stop(*tasks: asyncio.Future[Any]) -> None:
    """Cancelled and ended; what they raised is read."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
