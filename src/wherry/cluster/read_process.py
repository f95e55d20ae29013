"""A further process of a cluster: the API server for reads and watches, on a copy of the store. Started by `processes`.

Its argument is what it needs, as JSON (`processes.Needs`). It says on standard output when it takes connections, and ends when the first
process does: the stream of the copy ends then.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import socket
import sys
from pathlib import Path

from wherry.kit.garbage import look_seldom


async def run(needs: dict[str, object]) -> None:
    """Until SIGTERM or the first process ends."""
    from wherry.api.legacy_resources import legacy_table
    from wherry.cluster.pki import Pki
    from wherry.cluster.processes import READY, Needs
    from wherry.cluster.serving import tls
    from wherry.kit.clock import Clock
    from wherry.registry.registry import Registry
    from wherry.server.app import ApiServer
    from wherry.server.passing import Passing
    from wherry.server.tls_listener import BACKLOG
    from wherry.store.replica import ReplicaStore
    from wherry.store.replica_wire import newest_at

    given = Needs(**needs)  # type: ignore[arg-type]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    clock = Clock(epoch=given.epoch)
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=given.copy))
    store = await ReplicaStore.open(reader, writer, newest_at(given.newest), now=clock.steady)
    following = asyncio.create_task(store.follow_first(), name="copy of the store")
    # nothing is written here, so nothing that is drawn has to differ from what the first process draws
    registry = Registry(store, clock.now, random.Random(), legacy_table() if given.legacy else None)
    await registry.customs.load(store)
    folder = Path(given.pki)
    pki = Pki(folder, (folder / "ca.crt").read_text(), (folder / "token").read_text().strip())
    registry.issuer.keep_in(folder)
    server = ApiServer.for_admin(registry, clock, pki.token, dict)
    server.passing = Passing(given.first)
    sockets = [socket.socket(fileno=number) for number in given.listening]
    for each in sockets:
        each.setblocking(False)
        each.listen(BACKLOG)
    server.start_on(sockets, tls(pki))
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((stopping, following), return_when=asyncio.FIRST_COMPLETED)
    if following.done():
        # the first process is gone: whatever is connected here would be told what nobody keeps
        following.result()
        os._exit(0)
    await server.stop(grace=0.2)
    await server.passing.close()
    following.cancel()
    await store.close()


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    look_seldom()
    from wherry.cluster.serving import import_http_without_roots
    from wherry.cluster.thread import new_loop

    import_http_without_roots()
    loop = new_loop()
    try:
        loop.run_until_complete(run(json.loads(sys.argv[1])))
    finally:
        loop.close()


if __name__ == "__main__":
    main()
