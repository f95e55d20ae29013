"""Two servers on one store: what one of them writes is heard by the other from the log, before anybody is answered."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from wherry.api.errors import Forbidden
from wherry.api.objects import Obj
from wherry.api.options import ADMIN, DEFAULT_DELETE, DEFAULT_WRITE, Target, WriteOptions
from wherry.api.resources import resource
from wherry.registry.registry import Registry
from wherry.store.memory import MemoryStore

PODS, NAMESPACES, ACCOUNTS = resource("pods"), resource("namespaces"), resource("serviceaccounts")
DEFINITIONS = resource("customresourcedefinitions", "apiextensions.k8s.io")
OWN = WriteOptions(user_agent="controllers", trusted=True)


class Servers:
    def __init__(self) -> None:
        store = MemoryStore()
        self.one, self.other = (Registry(store, lambda: 1e9, random.Random(n)) for n in (1, 2))

    async def begin(self) -> None:
        await self.put(self.other, NAMESPACES, "", name="default")
        await self.put(self.other, ACCOUNTS, "default", name="default")

    async def put(self, registry: Registry, kind: Any, namespace: str, **parts: Any) -> Obj:
        name = parts.pop("name")
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, **parts}
        return (await registry.create(Target(kind, namespace), obj, DEFAULT_WRITE, ADMIN)).record.object()  # type: ignore[no-any-return]

    async def pod(self, name: str) -> Obj:
        """As a controller makes it: pods of one template share what was worked out for the first."""
        spec = {"containers": [{"name": "c", "image": "nginx"}]}
        obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
        return (await self.one.create(Target(PODS, "default"), obj, OWN, ADMIN)).record.object()  # type: ignore[no-any-return]


def test_a_limit_range_of_another_server_holds_for_the_next_pod() -> None:
    async def run() -> None:
        servers = Servers()
        await servers.begin()
        await servers.pod("a")
        limit = {"type": "Container", "default": {"memory": "64Mi"}}
        await servers.put(servers.other, resource("limitranges"), "default", name="l", spec={"limits": [limit]})
        pod = await servers.pod("b")
        assert pod["spec"]["containers"][0]["resources"]["limits"] == {"memory": "64Mi"}

    asyncio.run(run())


def test_a_service_account_that_another_server_changed_is_what_the_next_pod_gets() -> None:
    async def run() -> None:
        servers = Servers()
        await servers.begin()
        assert "imagePullSecrets" not in (await servers.pod("a"))["spec"]
        account = (await servers.other.get(Target(ACCOUNTS, "default", "default"))).object()
        changed = {**account, "imagePullSecrets": [{"name": "s"}]}
        await servers.other.update(Target(ACCOUNTS, "default", "default"), changed, DEFAULT_WRITE, ADMIN)
        assert (await servers.pod("b"))["spec"]["imagePullSecrets"] == [{"name": "s"}]

    asyncio.run(run())


def test_no_event_is_taken_in_a_namespace_that_another_server_is_deleting() -> None:
    async def run() -> None:
        servers = Servers()
        await servers.begin()
        await servers.put(servers.other, NAMESPACES, "", name="work")
        about = {"apiVersion": "v1", "kind": "Pod", "namespace": "work", "name": "a"}

        async def event(name: str) -> None:
            obj = {
                "kind": "Event", "apiVersion": "v1", "metadata": {"name": name, "namespace": "work"}, "involvedObject": about,
                "reason": "R", "message": "m", "source": {"component": "c"}, "firstTimestamp": None, "lastTimestamp": None, "count": 1,
                "type": "Normal", "eventTime": None, "reportingComponent": "c", "reportingInstance": "",
            }  # fmt: skip
            await servers.one.create(Target(resource("events"), "work"), obj, OWN, ADMIN)

        await event("a.1")
        await servers.other.delete(Target(NAMESPACES, "", "work"), DEFAULT_DELETE, ADMIN)
        with pytest.raises(Forbidden):
            await event("a.2")

    asyncio.run(run())


def test_a_quota_of_another_server_is_charged_by_this_one() -> None:
    async def run() -> None:
        servers = Servers()
        await servers.begin()
        await servers.pod("a")
        quota = await servers.put(servers.other, resource("resourcequotas"), "default", name="q", spec={"hard": {"pods": "1"}})
        used = {**quota, "status": {"hard": {"pods": "1"}, "used": {"pods": "1"}}}
        target = Target(resource("resourcequotas"), "default", "q", "status")
        await servers.other.update(target, used, DEFAULT_WRITE, ADMIN)
        with pytest.raises(Forbidden, match="exceeded quota: q"):
            await servers.pod("b")

    asyncio.run(run())


def test_a_custom_kind_that_another_server_established_is_served() -> None:
    async def run() -> None:
        servers = Servers()
        await servers.begin()
        names = {"plural": "boats", "singular": "boat", "kind": "Boat", "listKind": "BoatList"}
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        version = {"name": "v1", "served": True, "storage": True, "schema": schema}
        spec = {"group": "w.io", "scope": "Namespaced", "names": names, "versions": [version]}
        made = await servers.put(servers.other, DEFINITIONS, "", name="boats.w.io", spec=spec)
        conditions = [{"type": kind, "status": "True", "reason": "R", "message": "", "lastTransitionTime": None}
                      for kind in ("NamesAccepted", "Established")]
        status = {"acceptedNames": names, "conditions": conditions, "storedVersions": ["v1"]}
        assert servers.one.table.by_path("w.io", "v1", "boats") is None
        await servers.other.update(Target(DEFINITIONS, "", "boats.w.io", "status"), {**made, "status": status}, DEFAULT_WRITE, ADMIN)
        assert servers.one.table.by_path("w.io", "v1", "boats") is not None

    asyncio.run(run())
