"""The second process of `wherry up --processes 2`: controllers and scheduler over loopback, started and watched over by the first.

Called by `components` in the first process; `python -m wherry.cluster.processes` is the second. The first tells it on standard input what
it needs, and holds that pipe open: when the first ends, however it does, the pipe closes and the second ends at once, so there are never
two sets of controllers. It says on standard output when all of them run. A second process that ends by itself is started again, later each
time, and the cluster is not ready meanwhile. Controllers that need the inside of the API server (its keys, its authorizer) stay in the
first process; both sides pick theirs with `inside`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wherry.cluster import storage
from wherry.cluster.controllers import ROWS, Row
from wherry.errors import WherryError
from wherry.kit.backoff import Backoff
from wherry.kit.clock import Clock
from wherry.kit.garbage import look_seldom

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster

log = logging.getLogger(__name__)

READY = b"ready\n"
#: the file in the data directory that has its number
NOTE = "controllers.pid"
#: seconds that a second process must have run for its next end to count as the first
STEADY = 60.0
#: seconds it gets to end cleanly
STOP_TIMEOUT = 3.0
#: seconds it gets to become ready
START_TIMEOUT = 60.0
_INSIDE = frozenset({"sign", "decide", "authority", "guard", "remember", "steps"})
_COMMAND = (sys.executable, "-m", "wherry.cluster.processes")


class Needs(NamedTuple):
    """What the second process is told. `volumes`: below it volumes are made."""

    kubeconfig: str
    volumes: str


class SecondFailed(WherryError, OSError):
    """The second process did not come up."""


def inside(row: Row) -> bool:
    """This controller needs what only the first process has."""
    return row.inside or not _INSIDE.isdisjoint(row.needs)


def split(rows: Sequence[Row] = ROWS) -> tuple[list[Row], list[Row]]:
    """The rows of the first process, and those of the second."""
    return [row for row in rows if inside(row)], [row for row in rows if not inside(row)]


async def begin(cluster: Cluster) -> SecondProcess:
    """The second process of a cluster that serves already, begun. Raises ValueError for options that do not go together, SecondFailed."""
    options = cluster.options
    if options.time == "virtual" or not options.serve:
        raise ValueError("two processes need real time and a cluster that serves")
    second = SecondProcess(
        Needs(cluster.kubeconfig, storage.volumes(cluster)),
        cluster.own_clock,
        options.data_dir / NOTE if options.data_dir is not None else None,
    )
    await second.start()
    return second


class SecondProcess:
    """`pid`: of the one that runs, 0 between two; written to the file `note` too. Call `start`, then `watch` as a task, then `stop`."""

    def __init__(self, needs: Needs, clock: Clock, note: Path | None = None, command: Sequence[str] = _COMMAND) -> None:
        self.pid = 0
        self.ready = False
        self._needs, self._clock, self._note, self._command = needs, clock, note, command
        self._backoff: Backoff[str] = Backoff(0.25, 30.0)
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def start(self) -> None:
        """Begin it, without waiting for it. Raises SecondFailed."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            raise SecondFailed(f"the second process cannot be started: {error.strerror or error}") from None
        self.pid = self._process.pid
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self._needs._asdict()).encode() + b"\n")
        self._tell(str(self.pid))

    async def until_ready(self) -> None:
        """Raises SecondFailed when it ends before."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while (line := await process.stdout.readline()) != READY:
                    if not line:
                        raise SecondFailed(f"the second process ended with status {await process.wait()} before it was ready")
        except TimeoutError:
            process.kill()
            raise SecondFailed(f"the second process was not ready after {START_TIMEOUT:.0f} s") from None
        self.ready = True

    async def watch(self) -> None:
        """Start it again whenever it ends, until cancelled or stopped."""
        while not self._stopping:
            begun = self._clock.steady()
            status = await self._ended()
            self.ready, self.pid = False, 0
            if self._stopping:
                return
            if self._clock.steady() - begun > STEADY:
                self._backoff.forget("")
            wait = self._backoff.next("")
            log.error("the process of controllers and scheduler ended with status %s; it is started again in %.3g s", status, wait)
            await self._clock.sleep(wait)
            await self._again()

    async def stop(self) -> None:
        """End it, cleanly if it can. Safe to call twice, and when it never started."""
        self._stopping = True
        process, self.ready = self._process, False
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process is not None and process.stdin is not None:
            process.stdin.close()
        self._tell("")

    async def _ended(self) -> int | str:
        if self._process is None:
            return "unknown: it could not be started"
        return await self._process.wait()

    async def _again(self) -> None:
        self._process = None
        try:
            await self.start()
            await self.until_ready()
        except SecondFailed as error:
            log.error("%s", error)
        else:
            log.warning("the process of controllers and scheduler runs again (pid %d)", self.pid)

    def _tell(self, text: str) -> None:
        if self._note is None:
            return
        if text:
            self._note.write_text(text)
        else:
            self._note.unlink(missing_ok=True)


# --- in the second process ---
def _end_with_the_first() -> None:
    """On a thread: the pipe closes when the first process is gone, and then nothing here may be written any more."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    look_seldom()
    needs = Needs(**json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    from wherry.client.kubeconfig import Overrides, load
    from wherry.cluster import standalone
    from wherry.cluster.thread import new_loop

    def started() -> None:
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()

    access = load(Overrides(kubeconfig=needs.kubeconfig))
    loop = new_loop()
    try:
        loop.run_until_complete(standalone.until_stopped(standalone.run_second(access, needs.volumes, split()[1], started)))
    finally:
        loop.close()


if __name__ == "__main__":
    main()
