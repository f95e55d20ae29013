"""Further processes of a cluster that serve reads and watches beside the first, on the same port: `wherry up --processes N`.

Called by `components` in the first process; `python -m wherry.cluster.read_process` is a further one. Each has a copy of the store that the
first one keeps current (`wherry.store.replication`), listens at the same addresses (the kernel shares out connections), and passes on all
else to the first (`wherry.server.passing`), over a Unix socket in the cluster's directory that only this user may use. It lives as long as
the stream of its copy: when the first process ends, however it does, it ends at once. One that ends by itself is started again, later each
time, and the cluster is not ready meanwhile; the others go on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wherry.api.options import ADMIN
from wherry.cluster.component import Component
from wherry.cluster.option_values import OptionError
from wherry.errors import WherryError
from wherry.kit.backoff import Backoff
from wherry.kit.clock import Clock
from wherry.server.tls_listener import bound
from wherry.store.replication import Replication

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster

log = logging.getLogger(__name__)

READY = b"ready\n"
#: where the first process takes what others pass on, in the cluster's directory
SOCKET = "processes.sock"
#: the longest path that a Unix socket can have (Linux's unix(7): 108 bytes with the end)
_LONGEST_PATH = 107
#: seconds that a process must have run for its next end to count as the first
STEADY = 60.0
#: seconds it gets to end cleanly
STOP_TIMEOUT = 3.0
#: seconds it gets to become ready
START_TIMEOUT = 60.0
_COMMAND = (sys.executable, "-m", "wherry.cluster.read_process")


class Needs(NamedTuple):
    """What a further process is told. `copy`, `newest`, `listening`: descriptors that it inherits; `first`: path of the first one's socket.

    `epoch`: the cluster's time now, None where it is the machine's. `legacy`: the old workload APIs are served.
    """

    pki: str
    first: str
    copy: int
    newest: int
    listening: tuple[int, ...]
    legacy: bool = False
    epoch: float | None = None


class ProcessFailed(WherryError, OSError):
    """A further process did not come up."""


async def begin(cluster: Cluster) -> None:
    """Of a cluster that serves. Raises OptionError for options that do not go together, ProcessFailed."""
    check(cluster)
    assert cluster.server is not None
    assert cluster.pki is not None
    from wherry.registry.tokens import issuer
    from wherry.server.passing import named

    place = cluster.data_folder().absolute() / SOCKET
    if len(os.fsencode(place)) > _LONGEST_PATH:
        raise OptionError(f"processes: {place} is too long for the name of a socket; give a shorter data_dir")
    issuer.make(cluster.pki.directory)  # by one of them, before any needs it
    place.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        await cluster.server.start_local(str(place), named)
    finally:
        os.umask(before)
    cluster.further = further = FurtherProcesses(cluster, place)
    await further.start()
    for each in further.readers:
        cluster.run(Component(f"process {each.number}", ADMIN, each.watch, each.trouble))


class FurtherProcesses:
    """`start` them, and `stop` them at the end; each that is in `readers` is to be watched over."""

    def __init__(self, cluster: Cluster, first: Path) -> None:
        self.replication = Replication(cluster.store)
        self.readers = [ReadProcess(cluster, self.replication, first, number) for number in range(2, cluster.options.processes + 1)]

    async def start(self) -> None:
        """Returns when all serve. Raises ProcessFailed."""
        for each in self.readers:
            await each.start()
        for each in self.readers:
            await each.until_ready()

    async def stop(self) -> None:
        await asyncio.gather(*(each.stop() for each in self.readers))
        self.replication.close()


def check(cluster: Cluster) -> None:
    """Raises OptionError."""
    options = cluster.options
    if options.time == "virtual" or not options.serve:
        raise OptionError("processes: more than one need real time and a cluster that serves")
    if not hasattr(socket, "SO_REUSEPORT"):
        raise OptionError("processes: this system does not let several listen at one port")
    if options.etcd_servers:
        raise OptionError("processes: more than one share the store of this machine; with etcd start further servers instead")
    if options.audit_policy_file is not None and options.audit_log_path is not None:
        raise OptionError("processes: an audit log is written by one process")


class ReadProcess:
    """`pid`: of the one that runs, 0 between two. Call `start`, `until_ready`, then `watch` as a task, then `stop`."""

    def __init__(self, cluster: Cluster, replication: Replication, first: Path, number: int, command: Sequence[str] = _COMMAND) -> None:
        assert cluster.server is not None
        assert cluster.pki is not None
        self.number = number
        self.pid = 0
        self.ready = False
        self._replication = replication
        self._clock: Clock = cluster.own_clock
        self._places = [(sock.family, sock.getsockname()) for sock in cluster.server.sockets]
        self._needs = Needs(str(cluster.pki.directory), str(first), 0, replication.newest.fileno(), (), cluster.options.legacy_apis)
        self._has_epoch = cluster.options.epoch is not None
        self._command = command
        self._backoff: Backoff[str] = Backoff(0.25, 30.0)
        self._process: asyncio.subprocess.Process | None = None
        self._copying: asyncio.Task[None] | None = None
        self._stopping = False

    def trouble(self) -> str:
        return "" if self.ready or self._stopping else "it does not run"

    async def start(self) -> None:
        """Begin it, without waiting for it. Raises ProcessFailed."""
        ours, theirs = socket.socketpair()
        given = [theirs]
        try:
            # it begins to listen when it can serve; this process keeps none of them, so that no connection waits for one that is gone
            given += [bound(family, address, shared=True) for family, address in self._places]
            copy, *listening = (sock.fileno() for sock in given)
            needs = self._needs._replace(copy=copy, listening=tuple(listening), epoch=self._clock.now() if self._has_epoch else None)
            self._process = await asyncio.create_subprocess_exec(
                *self._command, json.dumps(needs._asdict()), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                pass_fds=(copy, self._needs.newest, *listening), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            raise ProcessFailed(f"process {self.number} cannot be started: {error.strerror or error}") from None
        finally:
            for each in given:
                each.close()
        self.pid = self._process.pid
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        self._copying = asyncio.create_task(self._replication.tell(reader, writer), name=f"copy for process {self.number}")

    async def until_ready(self) -> None:
        """Raises ProcessFailed when it ends before."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while (line := await process.stdout.readline()) != READY:
                    if not line:
                        raise ProcessFailed(f"process {self.number} ended with status {await process.wait()} before it was ready")
        except TimeoutError:
            process.kill()
            raise ProcessFailed(f"process {self.number} was not ready after {START_TIMEOUT:.0f} s") from None
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
            log.error("process %d ended with status %s; it is started again in %.3g s", self.number, status, wait)
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
        await self._end_copying()

    async def _ended(self) -> int | str:
        if self._process is None:
            return "unknown: it could not be started"
        status = await self._process.wait()
        await self._end_copying()
        return status

    async def _end_copying(self) -> None:
        copying, self._copying = self._copying, None
        if copying is not None:
            copying.cancel()
            with suppress(asyncio.CancelledError):
                await copying

    async def _again(self) -> None:
        self._process = None
        try:
            await self.start()
            await self.until_ready()
        except ProcessFailed as error:
            log.error("%s", error)
        else:
            log.warning("process %d runs again (pid %d)", self.number, self.pid)
