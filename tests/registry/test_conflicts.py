"""Writes that wait on their way into the store: what others write meanwhile is never lost, and limits hold.

Webhooks, policies that ask the authorizer, quotas and conversions take 10 ms here, on virtual time; twenty clients write at once. Every
write that was acknowledged is in the object in the end.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from wherry.api.errors import Conflict, Forbidden, NotFound, StatusError
from wherry.api.objects import Obj, uid
from wherry.api.options import ADMIN, MERGE_PATCH, DeleteOptions, User
from wherry.api.resources import Resource, resource
from wherry.client.informer import Informers
from wherry.client.local import LocalClient
from wherry.client.recorder import Recorder
from wherry.kit.clock import Clock
from wherry.kit.virtual import run_virtual
from wherry.reconcile.apply import Applier
from wherry.registry.outside.calls import Call
from wherry.registry.registry import Registry
from wherry.rules.cel.libraries.authorizer import Decision, Question
from wherry.rules.objects.plan import Create, Delete, Plan
from wherry.store.memory import MemoryStore
from wherry.store.protocol import Store
from wherry.store.sqlite import SQLiteStore

MAPS, PODS, QUOTAS = resource("configmaps"), resource("pods"), resource("resourcequotas")
DEFINITIONS = resource("customresourcedefinitions", "apiextensions.k8s.io")
WAIT = 0.01
MANY = 20


class World:
    def __init__(self, store: Store | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.registry = Registry(store or MemoryStore(now=loop.time), loop.time, random.Random(1))
        self.client = LocalClient(self.registry)
        self.asked = 0

    async def put(self, kind: Resource, name: str, namespace: str = "default", **parts: Any) -> Obj:
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, **parts}
        return await self.client.create(kind, namespace if kind.namespaced else "", obj)

    async def webhook(self, call: Call) -> bytes:
        """Allows everything, after a while."""
        self.asked += 1
        await asyncio.sleep(WAIT)
        review = json.loads(call.body)
        response = {"uid": review["request"]["uid"], "allowed": True}
        return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}).encode()

    async def with_webhooks(self, plural: str = "validating") -> None:
        self.registry.outside.call = self.webhook
        kind = resource(f"{plural}webhookconfigurations", "admissionregistration.k8s.io")
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps", "pods"]}
        hook = {
            "name": "a.b.c", "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": {"url": "https://localhost/x"},
            "rules": [rule],
        }  # fmt: skip
        await self.put(kind, plural, webhooks=[hook])

    async def patched(self, kind: Resource, name: str, patches: list[Obj]) -> None:
        """All at once; each is acknowledged."""
        await asyncio.gather(*(self.client.patch(kind, "default", name, patch, MERGE_PATCH) for patch in patches))


    async def begin(self) -> None:
        await self.put(resource("namespaces"), "default")
        await self.put(resource("serviceaccounts"), "default")


def plays(story: Callable[[World], Awaitable[None]]) -> Callable[[], None]:
    async def run() -> None:
        world = World()
        await world.begin()
        await story(world)

    def test() -> None:
        run_virtual(run(), epoch=1_750_000_000.0)

    test.__name__ = story.__name__
    return test


def keys() -> list[Obj]:
    return [{"data": {f"k{n}": "v"}} for n in range(MANY)]


# --- patches ---
@pytest.mark.parametrize("kind", ["validating", "mutating"])
def test_no_patch_is_lost_while_webhooks_are_asked(kind: str) -> None:
    async def story(world: World) -> None:
        await world.with_webhooks(kind)
        await world.put(MAPS, "x")
        await world.patched(MAPS, "x", keys())
        assert len((await world.client.get(MAPS, "default", "x"))["data"]) == MANY
        assert world.asked > MANY  # who was too late was asked about again

    plays(story)()


@plays
async def test_no_patch_is_lost_while_a_policy_asks_the_authorizer(world: World) -> None:
    async def decide(user: User, question: Question) -> Decision:
        world.asked += 1
        await asyncio.sleep(WAIT)
        return Decision(True)

    world.registry.outside.decide = decide
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}
    asks = "authorizer.group('').resource('configmaps').check('get').allowed()"
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": asks}]}
    await world.put(resource("validatingadmissionpolicies", "admissionregistration.k8s.io"), "p", spec=spec)
    binding = {"policyName": "p", "validationActions": ["Deny"]}
    await world.put(resource("validatingadmissionpolicybindings", "admissionregistration.k8s.io"), "p", spec=binding)
    await world.put(MAPS, "x")
    await world.patched(MAPS, "x", keys())
    assert len((await world.client.get(MAPS, "default", "x"))["data"]) == MANY
    assert world.asked > MANY


@plays
async def test_an_update_that_names_its_version_conflicts_when_it_waited_too_long(world: World) -> None:
    await world.with_webhooks()
    old = await world.put(MAPS, "x")
    updates = [world.client.update(MAPS, {**old, "data": {f"k{n}": "v"}}) for n in range(MANY)]
    outcomes = await asyncio.gather(*updates, return_exceptions=True)
    written = [o for o in outcomes if isinstance(o, dict)]
    assert len(written) == 1
    assert {type(o) for o in outcomes if not isinstance(o, dict)} == {Conflict}
    assert (await world.client.get(MAPS, "default", "x"))["data"] == written[0]["data"]


@plays
async def test_a_patch_of_what_was_deleted_meanwhile_is_not_found(world: World) -> None:
    await world.with_webhooks()
    await world.put(MAPS, "x")
    patch = asyncio.ensure_future(world.client.patch(MAPS, "default", "x", {"data": {"k": "v"}}, MERGE_PATCH))
    await asyncio.sleep(WAIT / 2)
    await world.client.delete(MAPS, "default", "x")
    with pytest.raises(NotFound):
        await patch


@plays
async def test_a_patch_is_not_put_into_another_object_of_the_same_name(world: World) -> None:
    await world.with_webhooks()
    first = await world.put(MAPS, "x")
    change = {"metadata": {"uid": uid(first)}, "data": {"k": "v"}}
    patch = asyncio.ensure_future(world.client.patch(MAPS, "default", "x", change, MERGE_PATCH))
    await asyncio.sleep(WAIT / 2)
    await world.client.delete(MAPS, "default", "x")
    second = asyncio.ensure_future(world.put(MAPS, "x"))
    with pytest.raises(StatusError):
        await patch
    await second
    assert "data" not in await world.client.get(MAPS, "default", "x")


@plays
async def test_of_many_creates_of_one_name_one_wins(world: World) -> None:
    await world.with_webhooks()
    outcomes = await asyncio.gather(*(world.put(MAPS, "x", data={"n": str(n)}) for n in range(MANY)), return_exceptions=True)
    (made,) = (o for o in outcomes if isinstance(o, dict))
    assert (await world.client.get(MAPS, "default", "x"))["data"] == made["data"]


# --- conversion ---
@plays
async def test_no_patch_is_lost_while_objects_are_converted(world: World) -> None:
    async def convert(call: Call) -> bytes:
        world.asked += 1
        await asyncio.sleep(WAIT)
        request = json.loads(call.body)["request"]
        wanted = request["desiredAPIVersion"]
        converted = [{**obj, "apiVersion": wanted} for obj in request["objects"]]
        response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": converted}
        return json.dumps({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": response}).encode()

    world.registry.outside.call = convert
    names = {"plural": "boats", "singular": "boat", "kind": "Boat", "listKind": "BoatList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [{"name": name, "served": True, "storage": name == "v2", "schema": schema} for name in ("v1", "v2")]
    hook = {"clientConfig": {"url": "https://localhost/x"}, "conversionReviewVersions": ["v1"]}
    spec = {"group": "w.io", "scope": "Namespaced", "names": names, "versions": versions,
            "conversion": {"strategy": "Webhook", "webhook": hook}}
    made = await world.put(DEFINITIONS, "boats.w.io", spec=spec)
    conditions = [{"type": kind, "status": "True", "reason": "R", "message": ""} for kind in ("NamesAccepted", "Established")]
    status = {"acceptedNames": names, "conditions": conditions, "storedVersions": ["v2"]}
    await world.client.update(DEFINITIONS, {**made, "status": status}, subresource="status")
    boats = world.registry.table.by_path("w.io", "v1", "boats")
    assert boats is not None
    await world.put(boats, "b")
    await world.patched(boats, "b", [{"spec": {f"k{n}": "v"}} for n in range(MANY)])
    assert len((await world.client.get(boats, "default", "b"))["spec"]) == MANY
    assert world.asked > MANY


# --- quota ---
async def _quota(world: World, pods: int) -> None:
    quota = await world.put(QUOTAS, "q", spec={"hard": {"pods": str(pods)}})
    status = {"hard": {"pods": str(pods)}, "used": {"pods": "0"}}
    await world.client.update(QUOTAS, {**quota, "status": status}, subresource="status")


async def _used(world: World) -> str:
    return (await world.client.get(QUOTAS, "default", "q"))["status"]["used"]["pods"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("webhooks", [False, True])
def test_creates_at_once_never_exceed_a_quota(webhooks: bool) -> None:
    async def story(world: World) -> None:
        if webhooks:
            await world.with_webhooks()
        await _quota(world, 5)
        spec = {"containers": [{"name": "c", "image": "nginx"}]}
        outcomes = await asyncio.gather(*(world.put(PODS, f"p{n}", spec=spec) for n in range(MANY)), return_exceptions=True)
        assert sum(isinstance(o, dict) for o in outcomes) == 5
        assert {type(o) for o in outcomes if not isinstance(o, dict)} == {Forbidden}
        assert len((await world.client.list(PODS, "default")).items) == 5
        assert await _used(world) == "5"

    plays(story)()


def test_many_creates_at_once_use_a_quota_up_also_where_each_write_waits_for_the_disk(tmp_path: Path) -> None:
    async def run() -> None:
        store = await SQLiteStore.open(tmp_path)
        world = World(store)
        await world.begin()
        await _quota(world, 2 * MANY)
        spec = {"containers": [{"name": "c", "image": "nginx"}]}
        await asyncio.gather(*(world.put(PODS, f"p{n}", spec=spec) for n in range(2 * MANY)))
        assert await _used(world) == str(2 * MANY)
        await store.close()

    asyncio.run(run())


@plays
async def test_what_others_write_into_a_quota_meanwhile_stays(world: World) -> None:
    await _quota(world, MANY)
    spec = {"containers": [{"name": "c", "image": "nginx"}]}
    labels = [world.client.patch(QUOTAS, "default", "q", {"metadata": {"labels": {f"l{n}": "v"}}}, MERGE_PATCH) for n in range(MANY)]
    await asyncio.gather(*(world.put(PODS, f"p{n}", spec=spec) for n in range(MANY)), *labels)
    assert await _used(world) == str(MANY)
    assert len((await world.client.get(QUOTAS, "default", "q"))["metadata"]["labels"]) == MANY


# --- events ---
@plays
async def test_that_a_namespace_took_events_is_not_kept_when_it_was_written_meanwhile(world: World) -> None:
    known = world.registry.core.events
    era = known.era
    await world.client.patch(resource("namespaces"), "", "default", {"metadata": {"labels": {"a": "b"}}}, MERGE_PATCH)
    known.add("default", era)
    assert "default" not in known
    known.add("default", known.era)
    assert "default" in known


# --- controllers ---
def applier(world: World) -> Applier:
    client = LocalClient(world.registry, user=ADMIN, manager="controllers", trusted=True)
    return Applier(client, Informers(client), Recorder(client, Clock(), "controllers"))


@plays
async def test_a_controllers_delete_does_not_meet_another_object_of_the_same_name(world: World) -> None:
    old = await world.put(MAPS, "web-0")
    await world.client.delete(MAPS, "default", "web-0")
    new = await world.put(MAPS, "web-0")
    applied = await applier(world).apply(Plan((Delete(old),)))
    assert isinstance(applied.error, Conflict)
    assert uid(await world.client.get(MAPS, "default", "web-0")) == uid(new)
    with pytest.raises(Conflict):
        await world.client.delete(MAPS, "default", "web-0", DeleteOptions(uid=uid(old)))
    assert (await applier(world).apply(Plan((Delete(new),)))).error is None


@pytest.mark.parametrize(("allowed", "tried"), [(0, 1), (1, 3), (3, 7), (5, 7), (9, 15), (40, 40)])
def test_creates_start_slowly_so_that_a_refusal_costs_few(allowed: int, tried: int) -> None:
    """Batches of 1, 2, 4, 8 ...: when one of them is refused the rest is not tried."""

    async def story(world: World) -> None:
        tries = 0

        class Counted(LocalClient):
            async def create(self, *args: Any, **options: Any) -> Obj:
                nonlocal tries
                tries += 1
                if tries > allowed:
                    raise Forbidden("exceeded quota")
                return await super().create(*args, **options)

        client = Counted(world.registry)
        own = Applier(client, Informers(client), Recorder(client, Clock(), "controllers"))
        head = {"apiVersion": "v1", "kind": "ConfigMap"}
        creates = [Create({**head, "metadata": {"name": f"m{n}", "namespace": "default"}}) for n in range(40)]
        applied = await own.apply(Plan(tuple(creates)))
        assert tries == tried
        assert len(applied.done) == min(allowed, 40)
        assert (applied.error is None) == (allowed >= 40)

    plays(story)()
