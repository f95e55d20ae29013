"""A cluster keeps Secrets encrypted in every store that outlives it, and its keys can be changed."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.etcd.test_cluster_on_etcd import config_map
from tests.worlds.etcd import EtcdServer
from wherry import Cluster
from wherry.api.resources import resource
from wherry.store.protocol import StoreError

SECRETS, MAPS = resource("secrets"), resource("configmaps")
PLAIN = "correct horse battery staple"
HELD = base64.b64encode(PLAIN.encode()).decode()


def configured(path: Path, *keys: str, kind: str = "aesgcm") -> Path:
    """A file in which the first key writes."""
    made = [{"name": key, "secret": base64.b64encode((key * 32)[:32].encode()).decode()} for key in keys]
    rule = {"resources": ["secrets"], "providers": [{kind: {"keys": made}}, {"identity": {}}]}
    path.write_text(json.dumps({"kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1", "resources": [rule]}))
    return path


class Kept:
    """Where a cluster keeps its objects: how it is told, and what is really there."""

    def __init__(self, options: dict[str, Any], content: Callable[[], bytes]) -> None:
        self.options, self.content = options, content


@pytest.fixture(params=["sqlite", pytest.param("etcd", marks=pytest.mark.etcd)])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    home = tmp_path / "home"
    if request.param == "sqlite":
        yield Kept({"data_dir": home}, lambda: b"".join(path.read_bytes() for path in sorted(home.glob("wherry.db*"))))
        return
    with EtcdServer() as server:
        yield Kept({"data_dir": home, "etcd_servers": (server.url,)}, lambda: server.ctl("get", "--prefix", "/registry/").encode())


def secret() -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"password": HELD}}


def test_secrets_are_encrypted_and_a_key_is_changed_by_writing_them_again(kept: Kept, tmp_path: Path) -> None:
    config = tmp_path / "encryption.json"

    def on(*keys: str) -> Cluster:
        more = {"encryption_provider_config": configured(config, *keys)} if keys else {}
        return Cluster(run_nodes=False, run_controllers=False, **kept.options, **more)

    async def with_keys(*keys: str, write: bool = False) -> None:
        async with on(*keys) as c:
            there = await c.client.get(SECRETS, "default", "s")
            assert there["data"]["password"] == HELD
            if write:
                await c.client.update(SECRETS, there)

    async def story() -> None:
        async with on("one") as c:
            await c.client.create(SECRETS, "default", secret())
            await c.client.create(MAPS, "default", config_map("plain"))
        assert HELD.encode() not in kept.content()
        assert b"k8s:enc:aesgcm:v1:one:" in kept.content()
        assert b'"name":"plain"' in kept.content()
        with pytest.raises(StoreError, match=r"secrets/default/s.*it is encrypted: give --encryption-provider-config"):
            await with_keys()
        with pytest.raises(StoreError, match="no provider of the encryption configuration has its key"):
            await with_keys("two")
        await with_keys("two", "one", write=True)
        await with_keys("two")

    asyncio.run(story())


def test_a_configuration_that_is_none_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "encryption.yaml"
    path.write_text("kind: Other")
    with pytest.raises(StoreError, match=r"encryption.yaml: it is no EncryptionConfiguration"):
        asyncio.run(Cluster(data_dir=tmp_path / "home", encryption_provider_config=path).start())
