"""Endpoints and EndpointSlices on a running registry: they follow Services and pods."""

from __future__ import annotations

from tests.rules.networking.endpoints.manifests import manifest
from tests.rules.networking.endpoints.world import World, play
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers.endpoints import EndpointsController
from wherry.controllers.endpointslice import EndpointSliceController
from wherry.controllers.garbage import GarbageCollector
from wherry.reconcile.controller import Controller, Parts

SLICES = resource("endpointslices", "discovery.k8s.io")
ENDPOINTS = manifest("v1", "Endpoints", "web")
SERVICE = manifest("v1", "Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})


def both(parts: Parts) -> list[Controller]:
    return [EndpointsController(parts), EndpointSliceController(parts), GarbageCollector(parts)]


async def start_pod(world: World, number: int, ip: str) -> Obj:
    """A pod on node n1, running and ready."""
    metadata = {"name": f"web-{number}", "namespace": "default", "labels": {"app": "web"}}
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}], "serviceAccountName": "default"}
    created = await world.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2025-06-15T15:06:50Z"}
    status = {**created["status"], "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [ready]}
    return await world.update({**created, "status": status}, "status")


async def prepare(world: World) -> None:
    await world.create(manifest("v1", "Node", "n1"))
    await world.create(manifest("v1", "ServiceAccount", "default"))
    await world.settle()


async def seen(world: World) -> tuple[list[str], list[str]]:
    """Addresses in Endpoints and in slices."""
    found = await world.get(ENDPOINTS) or {}
    in_slices = [a for s in await world.all(SLICES) for e in s["endpoints"] or () for a in e["addresses"]]
    return [a["ip"] for s in found.get("subsets") or () for a in s.get("addresses") or ()], sorted(in_slices)


def test_endpoints_follow_pods() -> None:
    async def story(world: World) -> None:
        await prepare(world)
        await world.create(SERVICE)
        await world.settle()
        assert await seen(world) == ([], [])
        first = await start_pod(world, 1, "10.0.0.1")
        await start_pod(world, 2, "10.0.0.2")
        await world.settle()
        assert await seen(world) == (["10.0.0.1", "10.0.0.2"], ["10.0.0.1", "10.0.0.2"])
        relabelled = {**first, "metadata": {**first["metadata"], "labels": {"app": "debug"}}}
        await world.update(relabelled)
        await world.settle()
        assert await seen(world) == (["10.0.0.2"], ["10.0.0.2"])

    play(both, story)


def test_endpoints_and_slices_that_somebody_deletes_come_back() -> None:
    async def story(world: World) -> None:
        await prepare(world)
        await world.create(SERVICE)
        await start_pod(world, 1, "10.0.0.1")
        await world.settle()
        (slice_,) = await world.all(SLICES)
        assert slice_["metadata"]["name"].startswith("web-")
        await world.delete(slice_)
        await world.delete(ENDPOINTS)
        await world.settle()
        assert await seen(world) == (["10.0.0.1"], ["10.0.0.1"])

    play(both, story)


def test_when_the_service_goes_endpoints_and_slices_go() -> None:
    async def story(world: World) -> None:
        await prepare(world)
        await world.create(SERVICE)
        await start_pod(world, 1, "10.0.0.1")
        await world.settle()
        await world.delete(SERVICE)
        await world.settle()
        assert await world.get(ENDPOINTS) is None
        assert await world.all(SLICES) == []

    play(both, story)


def test_endpoints_of_a_service_without_selector_are_left_to_their_maker() -> None:
    async def story(world: World) -> None:
        await world.create(manifest("v1", "Service", "web", spec={"ports": [{"port": 80}]}))
        made = await world.create({**ENDPOINTS, "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}]})
        await world.settle()
        assert await world.get(ENDPOINTS) == made
        assert await world.all(SLICES) == []

    play(both, story)


def test_quiet_pods_cause_no_writes() -> None:
    async def story(world: World) -> None:
        await prepare(world)
        await world.create(SERVICE)
        first = await start_pod(world, 1, "10.0.0.1")
        await world.settle()
        before = (await world.get(ENDPOINTS), await world.all(SLICES))
        await world.update({**first, "metadata": {**first["metadata"], "annotations": {"note": "x"}}})
        await world.settle(10)
        assert (await world.get(ENDPOINTS), await world.all(SLICES)) == before

    play(both, story)
