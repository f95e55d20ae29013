"""Which store a cluster has: memory, SQLite in its data directory, or etcd, as its options say. Called by `Cluster` when it starts.

A data directory is one process's, whatever keeps its objects: its certificates and its kubeconfig are there. Objects in etcd are of
all servers on it, so those have one certificate authority, one key for tokens and one administrator's token, which are in etcd too
(`cluster.shared_pki`), beside the objects and out of reach of the API.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from wherry.api.objects import Obj
from wherry.kit.health import Health
from wherry.rules.objects.leader_election import Timings, refusal
from wherry.store.lock import DirectoryLock
from wherry.store.protocol import Store, StoreError

if TYPE_CHECKING:
    from wherry.cluster.options import Options
    from wherry.store.encryption.transformer import Transformer
    from wherry.store.etcd.connection import Access
    from wherry.store.etcd.store import EtcdStore


async def open_store(options: Options, now: Callable[[], float], health: Health) -> tuple[Store, DirectoryLock | None]:
    """The store, and the lock of a data directory that it does not hold itself. Raises StoreError, OSError."""
    directory = options.data_dir
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if directory is not None and not options.ephemeral and not options.etcd_servers:
        from wherry.store.sqlite import SQLiteStore

        return await SQLiteStore.open(directory, now=now, health=health, transformer=transformer_of(options)), None
    lock = DirectoryLock(directory) if directory is not None else None
    try:
        if options.etcd_servers:
            return await open_etcd(options, now, health), lock
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    from wherry.store.memory import MemoryStore

    return MemoryStore(now=now, health=health), lock


async def open_etcd(options: Options, now: Callable[[], float], health: Health | None = None) -> EtcdStore:
    """Raises StoreError, also for options that do not go with etcd and where its libraries are missing."""
    _check(options)
    try:
        from wherry.store.etcd.store import EtcdStore, Settings
    except ImportError as error:
        raise StoreError(f"the store over etcd needs more libraries ({error.name}): pip install 'wherry[etcd]'") from error
    lives = {"events": options.event_ttl}
    settings = Settings(options.etcd_prefix, lives, options.etcd_compaction_interval, _read_protobuf, transformer_of(options))
    return await EtcdStore.open(access_of(options), settings, now=now, health=health)


def _check(options: Options) -> None:
    refused = {
        "ephemeral keeps objects in memory, etcd_servers in etcd: give one of them": options.ephemeral,
        "etcd does not wait for a clock that stands still: time has to be real with etcd_servers": options.time == "virtual",
        "a saved state goes into a data directory; `wherry restore` puts one into etcd": options.state is not None,
        "processes must be 1 with etcd_servers: more servers on the same etcd do what it is for": options.processes > 1,
    }
    timings = Timings(options.leader_elect_lease_duration, options.leader_elect_renew_deadline, options.leader_elect_retry_period)
    if why := refusal(timings):
        raise StoreError(why)
    for why, given in refused.items():
        if given:
            raise StoreError(why)


def _read_protobuf(value: bytes) -> Obj:
    """With the first such value: few clusters have any."""
    from wherry.cluster.foreign_values import read_protobuf

    return read_protobuf(value)


def transformer_of(options: Options) -> Transformer | None:
    """Raises StoreError for a configuration that cannot be used."""
    path = options.encryption_provider_config
    if path is None:
        return None
    from wherry.store.encryption.transformer import Transformer
    from wherry.store.etcd.layout import PREFIX, Layout

    return Transformer.of(path, Layout(options.etcd_prefix if options.etcd_servers else PREFIX).path)


def access_of(options: Options) -> Access:
    """Raises StoreError for a password that cannot be read."""
    from wherry.store.etcd.connection import Access

    servers = tuple(url.strip() for each in options.etcd_servers for url in each.split(",") if url.strip())
    return Access(servers, options.etcd_cafile, options.etcd_certfile, options.etcd_keyfile, options.etcd_username,
                  _password(options.etcd_password_file))


def _password(path: Path | None) -> str:
    try:
        return path.read_text().strip() if path is not None else ""
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
