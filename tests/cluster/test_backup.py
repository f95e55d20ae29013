"""A cluster's copy: taken while it runs, read back, restored elsewhere; and the move between SQLite and etcd."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.etcd.test_cluster_on_etcd import DEPLOYMENTS, MAPS, PODS, config_map, deployment, ready
from tests.worlds.etcd import EtcdServer
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.cluster import backup as work
from wherry.cluster.options import Options
from wherry.store.copies import BUMP
from wherry.store.protocol import StoreError

#: what a copy keeps of an object is everything but where it stands in the log
KINDS = (MAPS, PODS, DEPLOYMENTS)


async def objects(c: Cluster) -> dict[str, Obj]:
    found = {}
    for kind in KINDS:
        for obj in (await c.client.list(kind)).items:
            meta = {name: value for name, value in obj["metadata"].items() if name not in ("resourceVersion", "managedFields")}
            found[f"{kind.plural}/{meta.get('namespace')}/{meta['name']}"] = {**obj, "metadata": meta}
    return found


def stayed(before: dict[str, Obj], after: dict[str, Obj]) -> None:
    assert {name: obj["metadata"]["uid"] for name, obj in before.items()} == {name: obj["metadata"]["uid"] for name, obj in after.items()}


async def filled(options: Options) -> tuple[dict[str, Obj], str, int]:
    """A cluster with a rollout: its objects, its administrator's token, its revision."""
    async with Cluster(options) as c:
        await c.client.create(DEPLOYMENTS, "default", deployment("web", 3))
        await ready(c, "web", 3)
        await c.client.create(MAPS, "default", config_map("m"))
        assert c.pki is not None
        return await objects(c), c.pki.token, c.store.revision


async def goes_on(options: Options, before: dict[str, Obj], token: str) -> int:
    """The same cluster, as far as its users can tell, and its rollouts go on; its revision."""
    async with Cluster(options) as c:
        stayed(before, await objects(c))
        assert c.pki is not None
        assert c.pki.token == token
        revision = c.store.revision
        await c.client.update(DEPLOYMENTS, {**await c.client.get(DEPLOYMENTS, "default", "web"), "spec": deployment("web", 5)["spec"]})
        await ready(c, "web", 5)
        return revision


def test_a_copy_taken_under_writes_holds_one_moment_and_is_restored(tmp_path: Path) -> None:
    async def story() -> None:
        options = Options(data_dir=tmp_path / "one")
        async with Cluster(options) as c:
            writing = True

            async def write() -> None:
                number = 0
                while writing:
                    await c.client.create(MAPS, "default", config_map(f"m{number}"))
                    number += 1

            writer = asyncio.create_task(write())
            while len((await c.client.list(MAPS, "default")).items) < 60:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            copy = await asyncio.to_thread(lambda: asyncio.run(work.backup(options, tmp_path / "copy.db")))
            writing = False
            await writer
            names = [r.key.rpartition("/")[2] for r in copy.records if r.key.startswith("configmaps/default/m")]
            assert set(names) == {f"m{n}" for n in range(len(names))}, "no later write without an earlier"
            assert len(names) >= 50
            assert c.pki is not None
            token = c.pki.token
        restored = Options(data_dir=tmp_path / "two")
        (tmp_path / "two").mkdir(mode=0o700)
        await work.restore(restored, tmp_path / "copy.db")
        async with Cluster(restored) as c:
            assert {f"configmaps/default/{n}" for n in names} <= {r.key for r in (await c.store.range("configmaps/")).records}
            assert c.store.revision >= copy.revision + BUMP, "who saw later revisions takes no new one for an old one"
            assert c.pki is not None
            assert c.pki.token == token

    asyncio.run(story())


@pytest.mark.etcd
def test_a_cluster_moves_into_etcd_and_back(tmp_path: Path) -> None:
    async def story(server: EtcdServer) -> None:
        home = Options(data_dir=tmp_path / "one")
        before, token, _ = await filled(home)
        there = Options(data_dir=tmp_path / "one", etcd_servers=(server.url,))
        await work.migrate(there, to_etcd=True)
        with pytest.raises(StoreError, match="there are objects in etcd below this prefix"):
            await work.migrate(there, to_etcd=True)
        await goes_on(there, before, token)
        (tmp_path / "two").mkdir(mode=0o700)
        back = Options(data_dir=tmp_path / "two", etcd_servers=(server.url,))
        copy = await work.migrate(back, to_etcd=False)
        async with Cluster(data_dir=tmp_path / "two") as c:
            assert c.pki is not None
            assert c.pki.token == token
            assert c.store.revision > copy.revision
            stayed(before, {name: obj for name, obj in (await objects(c)).items() if name in before})

    with EtcdServer() as server:
        asyncio.run(story(server))


@pytest.mark.etcd
def test_a_copy_of_etcd_is_taken_while_servers_run_and_restored_into_another(tmp_path: Path) -> None:
    async def story(one: EtcdServer, other: EtcdServer) -> None:
        options = Options(data_dir=tmp_path / "one", etcd_servers=(one.url,))
        async with Cluster(options) as c:
            await c.client.create(DEPLOYMENTS, "default", deployment("web", 3))
            await ready(c, "web", 3)
            before = await objects(c)
            await work.backup(options, tmp_path / "copy.db")
            (tmp_path / "two").mkdir(mode=0o700)
            with pytest.raises(StoreError, match=r"runs on this etcd .* stop it first"):
                await work.migrate(Options(data_dir=tmp_path / "two", etcd_servers=(one.url,)), to_etcd=False)
            assert c.pki is not None
            token = c.pki.token
        elsewhere = Options(data_dir=tmp_path / "two", etcd_servers=(other.url,))
        await work.restore(elsewhere, tmp_path / "copy.db")
        await goes_on(elsewhere, before, token)

    with EtcdServer() as one, EtcdServer() as other:
        asyncio.run(story(one, other))


@pytest.mark.etcd
def test_what_is_encrypted_stays_so_in_the_copy_and_where_it_goes(tmp_path: Path) -> None:
    config = tmp_path / "encryption.json"
    keys = {"keys": [{"name": "one", "secret": base64.b64encode(bytes(32)).decode()}]}
    rules = [{"resources": ["secrets", "configmaps"], "providers": [{"aesgcm": keys}, {"identity": {}}]}]
    config.write_text(json.dumps({"kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1", "resources": rules}))

    async def story(server: EtcdServer) -> None:
        more: dict[str, Any] = {"data_dir": tmp_path / "one", "encryption_provider_config": config}
        options = Options(**more)
        before, token, _ = await filled(options)
        await work.backup(options, tmp_path / "copy.db")
        content = (tmp_path / "copy.db").read_bytes()
        assert token.encode() not in content
        assert b'"name":"m","namespace":"default"' not in content
        there = Options(etcd_servers=(server.url,), etcd_prefix="/elsewhere", **more)
        await work.migrate(there, to_etcd=True)
        assert token not in server.ctl("get", "--prefix", "/")
        await goes_on(there, before, token)

    with EtcdServer() as server:
        asyncio.run(story(server))


def test_what_is_no_copy_or_damaged_or_newer_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        options = Options(data_dir=tmp_path / "one", run_nodes=False, run_controllers=False)
        async with Cluster(options):
            pass
        good = tmp_path / "copy.db"
        await work.backup(options, good)
        (tmp_path / "two").mkdir(mode=0o700)
        into = Options(data_dir=tmp_path / "two")
        with pytest.raises(StoreError, match="there is no"):
            await work.restore(into, tmp_path / "other.db")
        with pytest.raises(StoreError, match="is no copy that `wherry backup` made"):
            await work.restore(into, tmp_path / "one" / "wherry.db")
        for name, statement, why in (("damaged.db", "UPDATE history SET value = x'00' WHERE key LIKE 'namespaces/default'", "is damaged"),
                                     ("newer.db", "PRAGMA user_version = 99", "start a newer wherry")):
            bad = tmp_path / name
            bad.write_bytes(good.read_bytes())
            db = sqlite3.connect(bad)
            db.execute(statement)
            db.commit()
            db.close()
            with pytest.raises(StoreError, match=why):
                await work.restore(into, bad)
        assert not (tmp_path / "two" / "wherry.db").exists()
        await work.restore(into, good)
        with pytest.raises(StoreError, match="is there already"):
            await work.restore(into, good)

    asyncio.run(story())
