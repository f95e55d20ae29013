"""What a real API server has written into the same etcd is served: built-in kinds in protobuf, and JSON in an order of its own."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.etcd.test_cluster_on_etcd import DEPLOYMENTS, PODS, deployment, on, ready
from tests.rules.schema.decode.protobuf_encoder import body, encode
from tests.worlds.etcd import EtcdServer
from wherry.api.resources import TABLE
from wherry.rules.schema.decode import protobuf
from wherry.store.etcd.connection import Access, Connection
from wherry.store.etcd.messages import TXN, PutRequest, RequestOp, TxnRequest
from wherry.store.protocol import StoreError

pytestmark = pytest.mark.etcd


async def put(server: EtcdServer, key: str, value: bytes) -> None:
    connection = Connection(Access((server.url,)))
    try:
        await connection.call(TXN, TxnRequest(success=[RequestOp(request_put=PutRequest(key=key.encode(), value=value))]))
    finally:
        await connection.close()


def held(server: EtcdServer, prefix: str) -> dict[str, dict[str, Any]]:
    """The objects below a prefix, by their keys."""
    found = json.loads(server.ctl("get", "--prefix", f"{prefix}/", "-w", "json"))["kvs"]
    values = {base64.b64decode(kv["key"]).decode(): base64.b64decode(kv.get("value", "")) for kv in found}
    return {key: json.loads(value) for key, value in values.items() if value.startswith(b'{"kind"')}


def as_the_reference(obj: dict[str, Any]) -> bytes:
    """In protobuf, as its default is; its JSON has other fields first."""
    row = TABLE.by_kind(obj["apiVersion"], obj["kind"])
    if row is None or not protobuf.has(row.schema):
        return json.dumps(obj, sort_keys=True).encode() + b"\n"
    message = {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}
    return body(obj["apiVersion"], obj["kind"], encode(row.schema, message))


def test_a_cluster_goes_on_with_what_is_stored_in_protobuf(etcd_server: EtcdServer, prefix: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on(etcd_server, prefix, tmp_path) as c:
            await c.client.create(DEPLOYMENTS, "default", deployment("web", 3))
            await ready(c, "web", 3)
            before = await c.client.get(DEPLOYMENTS, "default", "web")
        rewritten = 0
        for key, obj in held(etcd_server, prefix).items():
            if obj["kind"] in ("Deployment", "ReplicaSet", "Pod", "Namespace", "Node", "Service", "ClusterRole", "Secret", "APIService"):
                value = as_the_reference(obj)
                rewritten += value.startswith(b"k8s\0")
                await put(etcd_server, key, value)
        assert rewritten > 50
        async with on(etcd_server, prefix, tmp_path) as c:
            after = await c.client.get(DEPLOYMENTS, "default", "web")
            assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
            assert len((await c.client.list(PODS)).items) == 3
            await c.client.update(DEPLOYMENTS, {**after, "spec": {**after["spec"], "replicas": 4}})
            await ready(c, "web", 4)
        assert held(etcd_server, prefix)[f"{prefix}/deployments/default/web"]["spec"]["replicas"] == 4

    asyncio.run(story())


def test_a_kind_that_is_not_served_is_named(etcd_server: EtcdServer, prefix: str, tmp_path: Path) -> None:
    async def story() -> None:
        await put(etcd_server, f"{prefix}/pods/default/a", body("v9", "Pod", b""))
        with pytest.raises(StoreError, match=rf"{prefix}/pods/default/a: its protobuf message cannot be read: v9, Pod is not served here"):
            await on(etcd_server, prefix, tmp_path).start()

    asyncio.run(story())


def test_what_another_server_writes_meanwhile_is_seen(etcd_server: EtcdServer, prefix: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on(etcd_server, prefix, tmp_path, run_nodes=False) as c:
            made = await c.client.create(DEPLOYMENTS, "default", deployment("web", 0))
            stored = held(etcd_server, prefix)[f"{prefix}/deployments/default/web"]
            stored["metadata"]["labels"] = {"written": "elsewhere"}
            events = c.client.watch(DEPLOYMENTS, "default", resource_version=made["metadata"]["resourceVersion"])
            await put(etcd_server, f"{prefix}/deployments/default/web", as_the_reference(stored))
            async with asyncio.timeout(10):
                async for batch in events:
                    if any(event.object["metadata"].get("labels") == {"written": "elsewhere"} for event in batch):
                        return

    asyncio.run(story())
