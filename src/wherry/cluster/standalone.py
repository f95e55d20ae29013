"""Controllers, scheduler and simulated nodes as processes of their own, over HTTP, against any API server.

Called by `wherry controllers`, `wherry scheduler` and `wherry node`. The same parts as in a cluster, on an `HttpClient`. With an election
several copies may run and one works; nothing is read before a copy leads, so a waiting one costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wherry.api.resources import ResourceTable
from wherry.client.access import Access
from wherry.client.http import HttpClient
from wherry.client.informer import Informers
from wherry.cluster import components, storage
from wherry.cluster.controllers import Row, Site, chosen
from wherry.cluster.options import Options
from wherry.controllers.crd_table import follow_definitions
from wherry.kit.clock import Clock
from wherry.kit.tasks import Tasks
from wherry.reconcile.controller import Parts
from wherry.reconcile.leader import LeaderElection
from wherry.registry.core import ALPHABET

if TYPE_CHECKING:
    from wherry.rules.placing.scheduling.setup import Setup

log = logging.getLogger(__name__)

#: makes an election from the client and clock of the component, or gives None: there is only one copy
Election = Callable[[HttpClient, Clock], LeaderElection] | None
Started = Callable[[str], None]
Work = Callable[[], Coroutine[Any, Any, None]]


async def run_controllers(access: Access, words: Sequence[str], election: Election, started: Started) -> None:
    """Until cancelled. Raises ValueError for an unknown controller, LeadershipLost."""
    rows = chosen(words)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(HttpClient(access, manager="kube-controller-manager"))
        informers, clock = Informers(client), Clock()

        async def work() -> None:
            works = _controllers(rows, client, informers, clock, storage.below(Path(tempfile.gettempdir()) / "wherry"))
            await run_all(informers, works, lambda: started(f"{len(works)} controllers run"))

        await _led(election, client, clock, work)


async def run_scheduler(access: Access, setup: Setup, election: Election, started: Started) -> None:
    """Until cancelled. Raises LeadershipLost."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(HttpClient(access, manager="kube-scheduler"))
        informers, clock = Informers(client), Clock()

        async def work() -> None:
            scheduler = components.scheduler(client, informers, clock, random.Random(), setup)
            served = ", ".join(setup.profiles)
            await run_all(informers, {"scheduler": scheduler.run}, lambda: started(f"the scheduler {served} runs"))

        await _led(election, client, clock, work)


async def run_nodes(access: Access, options: Options, started: Started) -> None:
    """Simulated nodes until cancelled; their Node objects stay, and grow silent."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(HttpClient(access, manager="kubelet"))
        informers, clock = Informers(client), Clock()
        nodes = components.node_agent(client, informers, clock, options)
        await run_all(informers, {"nodes": nodes.run}, lambda: started(f"{options.nodes} simulated nodes run"))


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Ctrl-C and SIGTERM end it cleanly."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")


def _controllers(rows: Sequence[Row], client: HttpClient, informers: Informers, clock: Clock, volumes: str) -> dict[str, Work]:
    """All of the rows that need no more than the API."""
    rng = random.Random()
    parts = Parts(client, informers, clock, lambda: "".join(rng.choices(ALPHABET, k=5)), ResourceTable())
    site = Site(parts, lambda user: parts, volumes, _ca_pem(client.access))
    made = [controller for row in rows if (controller := row.make(site)) is not None]
    follow_definitions(informers, parts.table)
    return {controller.name: controller.run for controller in made}


def _ca_pem(access: Access) -> str:
    """What the API server's certificate is checked against; "" for the system's own roots."""
    return (access.ca_data or (Path(access.ca_file).read_bytes() if access.ca_file else b"")).decode()


async def _led(election: Election, client: HttpClient, clock: Clock, work: Work) -> None:
    await (work() if election is None else election(client, clock).lead(work))


async def run_all(informers: Informers, works: dict[str, Work], started: Callable[[], None]) -> None:
    """All of it until cancelled, or until one fails too often. Raises GivenUp."""
    tasks = Tasks(lambda name, error: log.critical("%s", error), informers.health)
    try:
        await informers.start()
        for name, work in works.items():
            tasks.supervise(work, name)
        started()
        await tasks.wait()
        await asyncio.Event().wait()
    finally:
        await tasks.stop()
        await informers.stop()
