"""The servers that share an etcd, as each lets the others know of it: where it is, and that it lives.

Begun by `Cluster`; a server that is alone only leads the Service `kubernetes` to itself. Every ten seconds a server renews its identity
Lease (`apiserver-...` in kube-system, for an hour; those of servers that are gone longer are taken away), says at `masterleases/` in etcd
where it is reached, for fifteen seconds, and lets the endpoints of the Service name all that are there. Who stops takes his address and his
Lease away at once.
Source: pkg/controlplane/apiserver/server.go (identity lease, its collection), pkg/controlplane/reconcilers/lease.go.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import socket
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from wherry.api import timestamps
from wherry.api.errors import AlreadyExists, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.cluster import addresses, users
from wherry.cluster.bootstrap import is_reached, lead_to, let_nodes_read
from wherry.cluster.component import Component

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.store.etcd.shared import Shared

log = logging.getLogger(__name__)

LEASES = resource("leases", "coordination.k8s.io")
LABEL = "apiserver.kubernetes.io/identity"
EVERY = 10.0
LEASE_SECONDS = 3600
#: how long an address is believed
ADDRESS_SECONDS = 15
FOLDER = "masterleases/"


def identity(place: Path) -> str:
    """The same at every start of a server: of the machine, and of the data directory, of which a machine may have several."""
    digest = hashlib.sha256(f"{socket.gethostname()} {place}".encode()).digest()[:16]
    return "apiserver-" + base64.b32encode(digest).decode().rstrip("=").lower()


class Peers:
    """`here`: address and port at which other machines reach this server."""

    def __init__(self, client: Client, shared: Shared, cluster: Cluster, here: tuple[str, int]) -> None:
        self._client, self._shared, self._now = client, shared, cluster.own_clock.now
        self._here = here
        self.name = identity(cluster.data_folder().absolute())
        self._holder = f"{self.name}_{uuid.uuid4()}"

    async def run(self) -> None:
        try:
            while True:
                try:
                    await self.turn()
                except StatusError as error:
                    log.warning("the server could not say that it lives: %s", error)
                await asyncio.sleep(EVERY)
        finally:
            await self._leave()

    async def turn(self) -> None:
        """Raises StatusError."""
        await self._renew()
        await self._collect()
        if is_reached(*self._here):
            await self._shared.announce(FOLDER + self._place, _announcement(*self._here), ADDRESS_SECONDS)
        await self._lead_to_all()

    @property
    def _place(self) -> str:
        return f"{self._here[0]}:{self._here[1]}"

    async def _lead_to_all(self) -> None:
        await lead_to(self._client, [_address(key, value, self._here[1]) for key, value in await self._shared.announced(FOLDER)])

    async def _leave(self) -> None:
        with suppress(StatusError, TimeoutError):
            async with asyncio.timeout(1):
                with suppress(NotFound):
                    await self._client.delete(LEASES, users.NAMESPACE, self.name)
                await self._shared.withdraw(FOLDER + self._place)
                await self._lead_to_all()

    async def _renew(self) -> None:
        at = timestamps.micro_time(self._now())
        spec = {"holderIdentity": self._holder, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": at}
        try:
            lease = await self._client.get(LEASES, users.NAMESPACE, self.name)
        except NotFound:
            labels = {LABEL: "kube-apiserver", "kubernetes.io/hostname": socket.gethostname()}
            made = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "spec": spec,
                    "metadata": {"name": self.name, "namespace": users.NAMESPACE, "labels": labels}}
            with suppress(AlreadyExists):
                await self._client.create(LEASES, users.NAMESPACE, made)
        else:
            await self._client.update(LEASES, {**lease, "spec": {**lease["spec"], **spec}})

    async def _collect(self) -> None:
        """Takes away the Leases of servers that have been gone for longer than they are believed."""
        for lease in (await self._client.list(LEASES, users.NAMESPACE, label_selector=f"{LABEL}=kube-apiserver")).items:
            if _ended(lease, self._now()):
                with suppress(NotFound):
                    await self._client.delete(LEASES, users.NAMESPACE, lease["metadata"]["name"])


async def begin(cluster: Cluster, client: Client) -> None:
    """Lets the Service `kubernetes` lead to this server: to it alone, or from now on to all on its etcd."""
    options = cluster.options
    here = (addresses.advertised(options.host, options.advertise_address), cluster.port)
    if is_reached(*here):
        await let_nodes_read(client)
    if not options.etcd_servers:
        # pods that run programs reach it on their own network: `pods_api` says so once that is there
        if is_reached(*here) or options.runtime == "simulated" or not options.run_nodes:
            await lead_to(client, [here] if is_reached(*here) else [])
        return
    from wherry.store.etcd.store import EtcdStore

    store = cluster.store
    assert isinstance(store, EtcdStore)
    peers = Peers(cluster.component("kube-apiserver", users.API_SERVER), store.shared, cluster, here)
    cluster.run(Component("peers", users.API_SERVER, peers.run))


def _ended(lease: Obj, now: float) -> bool:
    spec = lease["spec"]
    renewed = spec.get("renewTime")
    return renewed is None or timestamps.parse(renewed) + (spec.get("leaseDurationSeconds") or 0) < now


def _announcement(host: str, port: int) -> bytes:
    """As the reference's servers write and read it."""
    subset = {"addresses": [{"ip": host}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}
    return msgspec.json.encode({"kind": "Endpoints", "apiVersion": "v1", "metadata": {"creationTimestamp": None}, "subsets": [subset]})


def _address(key: str, value: bytes, usual: int) -> tuple[str, int]:
    """From what a server announced; one of the reference says no port, and has its address as its key."""
    try:
        subset = msgspec.json.decode(value)["subsets"][0]
        return subset["addresses"][0]["ip"], (subset.get("ports") or [{"port": usual}])[0]["port"]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        return key.removeprefix(FOLDER), usual
