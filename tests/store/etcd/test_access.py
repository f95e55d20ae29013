"""The ways to etcd: TLS with client certificates, users with passwords, several members of which some are gone."""

from __future__ import annotations

import asyncio
import random
import subprocess
from pathlib import Path

import pytest

from tests.store.support import take, value
from tests.worlds.etcd import EtcdServer, three_members
from wherry.cluster import certificates
from wherry.store.etcd.connection import Access
from wherry.store.etcd.store import EtcdStore, Settings
from wherry.store.history import Bounds
from wherry.store.protocol import CompareFailed, Record, StoreError, StoreFailed

pytestmark = pytest.mark.etcd


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    """A CA, a certificate for the server, and one for a client."""
    ca = certificates.Authority(*certificates.make_ca())
    (tmp_path / "ca.crt").write_bytes(ca.certificate)
    for name, hosts in (("server", ("127.0.0.1",)), ("client", ())):
        certificate, key = certificates.issue(ca, name, organizations=(), hosts=hosts, days=1)
        (tmp_path / f"{name}.crt").write_bytes(certificate)
        (tmp_path / f"{name}.key").write_bytes(key)
    return tmp_path


def test_objects_go_over_tls_and_whoever_has_no_certificate_is_refused(tls: Path) -> None:
    async def story(server: EtcdServer) -> None:
        access = Access((server.url,), tls / "ca.crt", tls / "client.crt", tls / "client.key")
        store = await EtcdStore.open(access)
        record = await store.put("pods/a", value("secret"))
        assert (await store.get("pods/a")) is record
        await store.close()
        for stranger in (Access((server.url,), tls / "ca.crt"), Access((server.url,)), Access((server.url.replace("https", "http"),))):
            with pytest.raises(StoreError, match="cannot be used"):
                await EtcdStore.open(stranger)

    with EtcdServer(tls=tls) as server:
        asyncio.run(story(server))


def test_files_and_urls_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"ca.crt cannot be read"):
        asyncio.run(EtcdStore.open(Access(("https://127.0.0.1:1",), tmp_path / "ca.crt")))
    with pytest.raises(StoreError, match="all http or all https"):
        asyncio.run(EtcdStore.open(Access(("https://127.0.0.1:1", "http://127.0.0.1:2"))))


def test_a_user_has_what_his_role_allows_and_a_token_that_ran_out_is_asked_for_again() -> None:
    async def story(server: EtcdServer) -> None:
        for words in (("user", "add", "root:top"), ("user", "add", "wherry:secret"), ("role", "add", "wherry"),
                      ("role", "grant-permission", "wherry", "readwrite", "--prefix=true", "/registry/"),
                      ("role", "grant-permission", "wherry", "readwrite", "compact_rev_key"),
                      ("role", "grant-permission", "wherry", "read", "wherry"),
                      ("user", "grant-role", "wherry", "wherry"), ("user", "grant-role", "root", "root"), ("auth", "enable")):
            server.ctl(*words)
        with pytest.raises(StoreError, match="authentication failed"):
            await EtcdStore.open(Access((server.url,), username="wherry", password="wrong"))
        with pytest.raises(StoreError, match="user name is empty"):
            await EtcdStore.open(Access((server.url,)))
        store = await EtcdStore.open(Access((server.url,), username="wherry", password="secret"))
        await store.put("pods/a", value(1))
        store._connection._token = "ran out"
        await store.put("pods/a", value(2))
        await store.settle()
        await store.close()
        with pytest.raises(StoreError, match="permission denied"):
            await EtcdStore.open(Access((server.url,), username="wherry", password="secret"), Settings("/elsewhere"))

    with EtcdServer() as server:
        asyncio.run(story(server))


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_members_that_are_killed_in_turn_lose_nothing_and_every_watch_is_complete_and_in_order() -> None:
    async def story(members: list[EtcdServer]) -> None:
        chance = random.Random(1)
        ways = [Access(tuple(member.url for member in chance.sample(members, 3))) for _ in range(2)]
        stores = [await EtcdStore.open(way, bounds=Bounds(records=10**9)) for way in ways]
        watches = [store.watch("pods/", after=store.revision) for store in stores]
        acknowledged: dict[int, str] = {}
        going = True

        async def write(at: int) -> None:
            number = 0
            while going:
                store, key = stores[at % 2], f"pods/{at}/{number}"
                number += 1
                try:
                    record = await store.put(key, value(number), expect=0)
                except StoreFailed:
                    await asyncio.sleep(0.02)
                except CompareFailed:
                    raise AssertionError("nobody else writes this key: a write was made twice") from None
                else:
                    acknowledged[record.revision] = key

        writers = [asyncio.create_task(write(at)) for at in range(8)]
        for turn in range(6):
            member = members[turn % 3]
            await asyncio.sleep(0.3)
            await asyncio.to_thread(member.kill)
            before = len(acknowledged)
            async with asyncio.timeout(20):
                while len(acknowledged) < before + 50:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(member.start)
        going = False
        await asyncio.gather(*writers)
        for store in stores:
            await store.settle()
        last = max(acknowledged)
        seen = [await _until(watch, last) for watch in watches]
        assert [(r.revision, r.key) for r in seen[0]] == [(r.revision, r.key) for r in seen[1]]
        revisions = [r.revision for r in seen[0]]
        assert revisions == sorted(set(revisions))
        there = {r.revision: r.key for r in seen[0]}
        assert {revision: there.get(revision) for revision in acknowledged} == acknowledged
        keys = [r.key for r in seen[0]]
        assert len(keys) == len(set(keys)), "no write was made twice"
        for store in stores:
            await store.close()

    with three_members() as members:
        asyncio.run(story(members))


async def _until(watch: object, revision: int) -> list[Record]:
    found: list[Record] = []
    while not found or found[-1].revision < revision:
        found.extend(await take(watch, 1))  # type: ignore[arg-type]
    return found


def test_etcdctl_is_there() -> None:
    assert subprocess.run(["etcdctl", "version"], env={"ETCDCTL_API": "3"}, capture_output=True, check=True).stdout
