"""Backup, restore, and the move between SQLite and etcd: a cluster's objects with the keys and certificates they belong to.

Called by `wherry backup`, `restore` and `migrate`. A backup is taken while the cluster runs and shows it at one moment; the others want it
stopped. Objects keep everything but, where they come into etcd, their resourceVersion, which etcd gives; clients read everything again.
What is encrypted is read and written by the EncryptionConfiguration that the options name. Source of what must move along:
https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/#backing-up-an-etcd-cluster.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from wherry.api import timestamps
from wherry.cluster import peers, shared_pki, stores
from wherry.cluster.options import Options
from wherry.registry.storing import put_back
from wherry.store import copies
from wherry.store.copies import Copy
from wherry.store.database import Opened
from wherry.store.encryption.transformer import Transformer, refuse_encrypted
from wherry.store.lock import DirectoryLock
from wherry.store.protocol import CompareFailed, Record, StoreError
from wherry.store.sqlite import FILE
from wherry.store.stamp import MARK

if TYPE_CHECKING:
    from wherry.store.etcd.store import EtcdStore

#: objects that are written to etcd at once
AT_ONCE = 64
#: seconds since its last word after which a server that shares an etcd is taken for stopped
SILENT = 15.0
_PKI = "pki"


async def backup(options: Options, target: Path) -> Copy:
    """A copy of the cluster that the options name, read back. Raises StoreError, StoreFailed."""
    if not options.etcd_servers:
        home = _home(options)
        transformer = stores.transformer_of(options)
        return copies.of_sqlite(home / FILE, target, _sealed_pki(home, transformer), _opened(transformer))
    store = await _etcd(options)
    try:
        records, revision = await _all(store)
        shared = await store.shared.kept(shared_pki.NAME)
    finally:
        await store.close()
    transformer = _for_files(options)
    kept = {} if shared is None else {_PKI: _seal(transformer, shared)}
    stored = [(record, _seal_record(transformer, record)) for record in records]
    return copies.of_records(stored, revision, target, kept, _opened(transformer))


async def restore(options: Options, source: Path) -> Copy:
    """A copy into an empty data directory, or an empty part of etcd. Raises StoreError, StoreFailed."""
    transformer = _for_files(options)
    found = copies.read(source, _opened(transformer))
    pki = msgspec.json.decode(_open(transformer, found.kept[_PKI]), type=dict[str, str]) if _PKI in found.kept else {}
    if options.etcd_servers:
        store = await _etcd(options)
        try:
            await _fill(store, found.records, pki)
        finally:
            await store.close()
        return found
    home = _home(options)
    lock = DirectoryLock(home)
    try:
        copies.into_sqlite(source, home / FILE)
        if pki:
            shared_pki.take(home / _PKI, pki)
    finally:
        lock.release()
    return found


async def migrate(options: Options, *, to_etcd: bool) -> Copy:
    """From the data directory into etcd, or back, while no server runs. Raises StoreError, StoreFailed."""
    alone = replace(options, etcd_servers=())
    source, target = (alone, options) if to_etcd else (options, alone)
    home = _home(options)
    if to_etcd:
        DirectoryLock(home).release()  # nobody runs there
    else:
        await _nobody_runs(options)
    with tempfile.TemporaryDirectory(dir=home, prefix=".migrate-") as between:
        copy = Path(between) / "copy"
        await backup(source, copy)
        return await restore(target, copy)


async def _fill(store: EtcdStore, records: list[Record], pki: Mapping[str, str]) -> None:
    """In the order in which they were written last, some at once."""
    if (await store.range("", limit=1)).records:
        raise StoreError("there are objects in etcd below this prefix: give another --etcd-prefix, or take them away first")
    if pki:
        wanted = msgspec.json.encode(dict(pki))
        if await store.shared.keep(shared_pki.NAME, wanted) != wanted:
            raise StoreError("there are keys of another cluster in etcd below this prefix: give another --etcd-prefix")
    ordered = sorted(records, key=lambda record: record.revision)
    try:
        for at in range(0, len(ordered), AT_ONCE):
            await asyncio.gather(*(put_back(store, each.key, unstamped(each)) for each in ordered[at : at + AT_ONCE]))
    except CompareFailed as error:
        raise StoreError(f"somebody else writes to etcd: {error} is there already") from None


async def _all(store: EtcdStore) -> tuple[list[Record], int]:
    await store.settle()
    found = await store.range("")
    return found.records, found.revision


async def _etcd(options: Options) -> EtcdStore:
    return await stores.open_etcd(replace(options, etcd_compaction_interval=0.0), time.monotonic)


async def _nobody_runs(options: Options) -> None:
    store = await _etcd(options)
    try:
        for record in (await store.range("leases.coordination.k8s.io/kube-system/")).records:
            lease = record.object()
            if peers.LABEL in (lease["metadata"].get("labels") or {}) and lease["spec"].get("renewTime"):
                silent = time.time() - timestamps.parse(lease["spec"]["renewTime"])
                if silent < SILENT:
                    raise StoreError(f"{lease['metadata']['name']} runs on this etcd (its last word is {silent:.0f} s old): stop it first")
    finally:
        await store.close()


def unstamped(record: Record) -> bytes:
    """The bytes of a record as a store takes them, with an empty resourceVersion."""
    mark = b'"resourceVersion":"%d"' % record.revision
    at = record.value.find(mark)
    return record.value if at < 0 else record.value[:at] + MARK + record.value[at + len(mark) :]


def _home(options: Options) -> Path:
    assert options.data_dir is not None
    if not options.data_dir.is_dir():
        raise StoreError(f"there is no directory {options.data_dir}")
    return options.data_dir


def _for_files(options: Options) -> Transformer | None:
    """Objects in files are encrypted for the usual places, wherever they come from."""
    return stores.transformer_of(replace(options, etcd_servers=()))


def _opened(transformer: Transformer | None) -> Opened:
    return refuse_encrypted if transformer is None else transformer.open


def _seal_record(transformer: Transformer | None, record: Record) -> bytes:
    value = unstamped(record)
    return value if transformer is None else transformer.seal(record.key, value)


def _seal(transformer: Transformer | None, content: bytes) -> bytes:
    return content if transformer is None else transformer.seal(f"secrets/wherry/{_PKI}", content)


def _open(transformer: Transformer | None, content: bytes) -> bytes:
    return _opened(transformer)(f"secrets/wherry/{_PKI}", content)


def _sealed_pki(home: Path, transformer: Transformer | None) -> dict[str, bytes]:
    directory = home / _PKI
    if not (directory / "ca.key").exists():
        return {}
    return {_PKI: _seal(transformer, msgspec.json.encode(shared_pki.files(directory)))}


