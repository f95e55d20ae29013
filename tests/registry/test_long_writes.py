"""No request keeps others waiting: what is long is computed beside the event loop, and in a time that grows no faster than its size."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from typing import Any

import pytest

from tests.worlds.attacks import ATTACKS, CRDS, DEPLOYMENTS, MAPS, PODS, Attack, deployment
from wherry.api.errors import StatusError
from wherry.api.options import ADMIN, DEFAULT_WRITE, Target, WriteOptions
from wherry.api.resources import resource
from wherry.kit.clock import Clock
from wherry.kit.virtual import run_virtual
from wherry.registry.registry import Registry
from wherry.registry.results import RawBody
from wherry.store.memory import MemoryStore

RESOURCES = {
    MAPS: resource("configmaps"), PODS: resource("pods"), DEPLOYMENTS: resource("deployments", "apps"),
    CRDS: resource("customresourcedefinitions", "apiextensions.k8s.io"),
}  # fmt: skip
#: seconds of the loop's own processor time that a request of 3 MB may take in all; the most is the encoder's, in C
LOOP_TIME = 0.15
OPTIONS = WriteOptions(field_manager="attacker", dry_run=True)


async def made() -> Registry:
    clock = Clock()
    registry = Registry(MemoryStore(now=clock.now), clock.now, random.Random(1))
    meta = {"name": "there", "annotations": {"a": "b"}, "finalizers": ["a.b/c"]}
    for where, plural, obj in (
        ("", resource("namespaces"), {"metadata": {"name": "default"}}),
        ("default", resource("serviceaccounts"), {"metadata": {"name": "default"}}),
        ("default", RESOURCES[MAPS], {"metadata": meta}),
        ("default", RESOURCES[DEPLOYMENTS], deployment(1, "there")),
    ):
        await registry.create(Target(plural, where, ""), obj, DEFAULT_WRITE, ADMIN)
    return registry


async def attack(registry: Registry, given: Attack, body: bytes) -> str:
    """Sent as a dry run, so that it can be sent again. What it is refused with."""
    of = RESOURCES[given.resource]
    target = Target(of, "default" if of.namespaced else "", given.patched)
    try:
        if given.patched:
            await registry.patch(target, given.content_type, body, OPTIONS, ADMIN)
        else:
            await registry.create(target, RawBody(body, given.content_type), OPTIONS, ADMIN)
    except StatusError as refused:
        return refused.message
    return ""


def calls_of(n: int, given: Attack) -> int:
    """How many functions an attack of size n calls, of Python and of C."""
    calls = [0]

    def count(frame: Any, event: str, arg: Any) -> None:
        if event in ("call", "c_call"):
            calls[0] += 1

    async def run() -> None:
        registry, body = await made(), given.body(n)
        await attack(registry, given, body)  # whatever is loaded or compiled with the first of its kind
        sys.setprofile(count)
        try:
            await attack(registry, given, body)
        finally:
            sys.setprofile(None)

    run_virtual(run())
    return calls[0]


@pytest.mark.parametrize("name", ATTACKS)
def test_work_grows_no_faster_than_the_body(name: str) -> None:
    given = ATTACKS[name]
    n = max(given.most // 400, 2)
    once, twice = calls_of(n, given), calls_of(2 * n, given)
    assert twice < 2.3 * once


@pytest.mark.parametrize("name", ["YAML of many keys", "a schema of many rules", "a strategic patch of many containers"])
def test_what_is_long_is_computed_in_other_threads(name: str) -> None:
    assert loop_time(ATTACKS[name], ATTACKS[name].most // 10) < LOOP_TIME / 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_no_request_of_three_megabytes_takes_the_loop_long(name: str) -> None:
    assert loop_time(ATTACKS[name], ATTACKS[name].most) < LOOP_TIME


def loop_time(given: Attack, n: int) -> float:
    """Seconds of the loop's thread; other threads and other processes of the machine are not in it."""

    async def run() -> float:
        registry, body = await made(), given.body(n)
        assert len(body) <= 3 * 1024 * 1024
        begun = time.thread_time()
        await attack(registry, given, body)
        return time.thread_time() - begun

    return asyncio.run(run())


@pytest.mark.parametrize("name", ATTACKS)
def test_what_becomes_of_a_long_request_is_what_becomes_of_it_on_the_loop(name: str) -> None:
    """On virtual time everything is computed on the loop."""

    async def run() -> str:
        return await attack(await made(), given, given.body(n))

    given = ATTACKS[name]
    n = max(given.most // 100, 2)
    assert asyncio.run(run()) == run_virtual(run())
