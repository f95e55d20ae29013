"""The Job controller in a cluster where it can die; never do more pods run than the Job allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from tests.worlds import mortal
from tests.worlds.registry import PODS
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.controllers.job import JobController
from wherry.reconcile import Controller, Parts

JOBS = resource("jobs", "batch")


class MortalCluster(mortal.MortalCluster):
    def make(self, parts: Parts) -> Sequence[Controller]:
        return [JobController(parts)]

    async def on_create(self, resource: Resource, made: Obj) -> None:
        await super().on_create(resource, made)
        owner = objects.controller_of(made)
        if resource is not PODS or owner is None:
            return
        job = await self.client.get(JOBS, "default", owner["name"])
        running = [
            p for p in await self.all(PODS)
            if not objects.is_deleting(p) and p["status"].get("phase") not in ("Succeeded", "Failed") and objects.is_controlled_by(p, job)
        ]  # fmt: skip
        if len(running) > job["spec"]["parallelism"]:
            self.faults.append(f"{len(running)} pods run where {job['spec']['parallelism']} may")


def play(story: Callable[[MortalCluster], Awaitable[None]], deadline: int | None = None) -> MortalCluster:
    return mortal.play(MortalCluster, story, deadline)
