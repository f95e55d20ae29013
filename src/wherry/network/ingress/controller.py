"""The ingress controller of real pods: it listens on the machine, keeps routes and certificates as the API says, and tells where it is.

Started by the cluster with the first Ingress. News of some milliseconds go in together. A port that is taken is told (log, readiness, and
an event of every Ingress of ours) and tried again; so is a status that could not be written. Invariant: a status names ports only once they
are listened on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj, key, uid
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.client.recorder import Recorder
from wherry.kit.clock import Clock
from wherry.linux.fabric import Fabric
from wherry.network.ingress.certificates import Certificates
from wherry.network.ingress.counts import Counts
from wherry.network.ingress.dialing import Way
from wherry.network.ingress.known import INGRESSES, Known
from wherry.network.ingress.serving import IngressServer, Listening
from wherry.rules.networking.ingress.status import load_balancer, with_status
from wherry.rules.networking.ingress.table import Backend, Fault, Table

log = logging.getLogger(__name__)

#: seconds in which news are gathered, and until something that failed is tried again
_GATHER, _AGAIN = 0.005, 2.0
#: seconds that requests may take to finish when the controller stops, and when their pod is about to end
_GRACE, _QUIET = 1.0, 0.8


class Settings(NamedTuple):
    """`host`: to listen on; `addresses`: as clients reach it; ports 0: any. `own`: makes the controller's own certificate and key, PEM."""

    host: str
    addresses: tuple[str, ...]
    http: int
    https: int
    own: Callable[[], Awaitable[tuple[bytes, bytes]]]


class IngressController:
    def __init__(self, client: Client, informers: Informers, clock: Clock, fabric: Fabric, settings: Settings) -> None:
        self._client, self._fabric, self._settings = client, fabric, settings
        self._recorder = Recorder(client, clock, "ingress-controller")
        self._news = asyncio.Event()
        self._known = Known(informers, self._news.set)
        self._told: dict[str, frozenset[Fault]] = {}
        self._trouble = ""
        #: the ports that it listens on
        self.listening = Listening()
        self._server: IngressServer | None = None
        self._counts = Counts()
        #: for /metrics
        self.families = self._counts.families

    def health(self) -> str:
        """Why Ingresses are not served; "" when they are."""
        return self._trouble

    async def without(self, pod: Obj) -> None:
        """Returns when no request comes to the pod any more and those under way are answered, or after a moment: some last for long."""
        self._known.leaving.add(uid(pod))
        if self._server is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_QUIET):
                    await self._server.quiet(uid(pod))

    async def run(self) -> None:
        """Serve until cancelled. May be called again after it raised."""
        await self._known.synced()
        certificates = Certificates(await self._settings.own())
        way = Way(self._fabric)
        server = self._server = IngressServer(self._known, way, self._counts)
        recording = asyncio.get_running_loop().create_task(self._recorder.run(), name="events of the ingress controller")
        try:
            while True:
                self._news.clear()
                server.table = table = self._known.table()
                faults = [*table.faults, *self._missing(table), *certificates.update(table.secrets, self._known.secrets.get)]
                await self._listen(server, certificates)
                if self._trouble:
                    faults += [Fault(key(each), "PortInUse", self._trouble) for each in self._known.ours()]
                self._tell(faults)
                await self._write_statuses()
                await self._news.wait()
                await asyncio.sleep(_GATHER)
        finally:
            recording.cancel()
            self.listening, self._server = Listening(), None
            await server.close(_GRACE)
            await way.close()
            await asyncio.gather(recording, return_exceptions=True)

    async def _listen(self, server: IngressServer, certificates: Certificates) -> None:
        if any(self.listening):
            return
        settings = self._settings
        try:
            self.listening = await server.listen(settings.host, settings.http, settings.https, certificates.context)
        except OSError as error:
            trouble = f"Ingresses are not served: cannot listen on {error.strerror}"
            if trouble != self._trouble:
                log.error("%s; tried again every %.3g s", trouble, _AGAIN)
            self._trouble = trouble
            self._again()
        else:
            self._trouble = ""
            log.info("Ingresses are served at http://%s:%d and https://%s:%d", settings.host, self.listening.http, settings.host,
                     self.listening.https)

    def _again(self) -> None:
        asyncio.get_running_loop().call_later(_AGAIN, self._news.set)

    # --- what is told ---
    def _missing(self, table: Table) -> list[Fault]:
        backends: dict[str, dict[Backend, None]] = {}
        for ingress, backend in table.backends:
            backends.setdefault(ingress, {})[backend] = None
        return [fault for ingress, each in backends.items() for fault in self._known.missing(ingress, each)]

    def _tell(self, faults: list[Fault]) -> None:
        """An event of each fault that is new."""
        by_ingress: dict[str, set[Fault]] = {}
        for fault in faults:
            by_ingress.setdefault(fault.ingress, set()).add(fault)
        for at, found in by_ingress.items():
            ingress = self._known.ingresses.get(at)
            for fault in sorted(found - self._told.get(at, frozenset())) if ingress is not None else ():
                self._recorder.event(ingress or {}, "Warning", fault.reason, fault.message)
        self._told = {at: frozenset(found) for at, found in by_ingress.items()}

    async def _write_statuses(self) -> None:
        wanted = load_balancer(self._settings.addresses, [port for port in self.listening if port])
        for ingress in self._known.ours():
            changed = with_status(ingress, wanted)
            if changed is not None:
                await self._write(changed)

    async def _write(self, ingress: Obj) -> None:
        try:
            await self._client.update(INGRESSES, ingress, subresource="status")
        except NotFound:
            pass  # it was deleted
        except (StatusError, OSError) as error:
            log.info("the status of ingress %s is not written: %s; tried again", key(ingress), error)
            self._again()
