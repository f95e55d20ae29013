"""A rollout followed with its causes: what `status` says, and as soon as it is known why it does not go on.

Called by the command line and by guards. The workload is watched; while nothing happens its pods are looked at once a second, because a
pod that cannot start changes nothing in its workload.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace

from wherry.api.errors import StatusError
from wherry.api.objects import Obj, condition, is_controlled_by
from wherry.api.resources import Resource
from wherry.client.http import HttpClient, path
from wherry.client.protocol import Client
from wherry.rollout.budgets import blocking
from wherry.rollout.causes import Cause, grouped
from wherry.rollout.errors import Failed
from wherry.rollout.held_up import is_ready, of_rollout, own_pods, selector_of
from wherry.rollout.progress import Progress
from wherry.rollout.revisions import newest, typed
from wherry.rollout.rollout import Rollout
from wherry.rollout.targets import BUDGETS, CONTROLLER_REVISIONS, DEPLOYMENTS, EVENTS, NODES, PODS, REPLICA_SETS, Named

#: seconds between two looks at the pods
EVERY = 1.0
LOG_LINES = 5


class Stuck(Failed):
    """The rollout cannot go on: its causes are final. The command line ends with its own status for it."""

    exit_status = 3

    def __init__(self, causes: list[Cause]) -> None:
        super().__init__("the rollout cannot finish: " + "; ".join(grouped(causes)))
        self.causes = causes


async def explained(client: Client, target: Named, namespace: str, *, revision: int = 0, fail_fast: bool = False, every: float = EVERY,
                    known: Obj | None = None, now: Callable[[], float] = time.time) -> AsyncIterator[Progress | Cause]:
    """Every step of the status, and every cause once. Raises as `Rollout.status`; Stuck for a final cause when `fail_fast`.

    `now` gives seconds since 1970.
    """
    said = set()
    steps = Rollout(client, target, namespace, known=known).status(revision)
    following: asyncio.Future[Progress] = asyncio.ensure_future(anext(steps))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=every)
            if done:
                try:
                    step = following.result()
                except StopAsyncIteration:
                    return
                yield step
                if step.done:
                    return
                following = asyncio.ensure_future(anext(steps))
                continue
            causes = await why(client, target, namespace, now())
            fresh = [cause for cause in causes if (cause.pod, cause.container, cause.reason) not in said]
            for cause in fresh:
                said.add((cause.pod, cause.container, cause.reason))
                yield cause
            final = [cause for cause in causes if cause.final]
            if fail_fast and final:
                raise Stuck(final)
    finally:
        following.cancel()
        with suppress(BaseException):
            await following


async def why(client: Client, target: Named, namespace: str, now: float = 0.0) -> list[Cause]:
    """What holds the newest revision of a workload up, now."""
    workload = typed(target.resource, await client.get(target.resource, namespace, target.name))
    selector = selector_of(workload)
    kept = REPLICA_SETS if target.resource is DEPLOYMENTS else CONTROLLER_REVISIONS
    listed, sources = await asyncio.gather(client.list(PODS, namespace, label_selector=selector),
                                           client.list(kept, namespace, label_selector=selector))
    own = [typed(kept, source) for source in sources.items if is_controlled_by(source, workload)]
    pods = own_pods(workload, listed.items, own)
    if all(is_ready(pod) for pod in pods) and not condition(workload, "ReplicaFailure") and target.resource is DEPLOYMENTS:
        return []
    budgets = await _some(client, BUDGETS, namespace)
    nodes = await _some(client, NODES, "") if blocking(budgets) else []
    causes = of_rollout(workload, newest(workload, own), pods, await events_of(client, namespace), budgets=budgets, nodes=nodes, now=now)
    return [await with_log(client, namespace, cause) for cause in causes]


async def with_log(client: Client, namespace: str, cause: Cause) -> Cause:
    """A crash with the last lines of its log, where the client can read logs (over HTTP)."""
    if cause.kind != "crash" or cause.log or not isinstance(client, HttpClient):
        return cause
    for previous in ("true", "false") if cause.final else ("false",):
        query = [("container", cause.container), ("previous", previous), ("tailLines", str(LOG_LINES))]
        try:
            answer = await client.request("GET", path(PODS, namespace, cause.pod, "log"), query, accept="*/*")
        except StatusError:
            continue
        return replace(cause, log=tuple(answer.body.decode("utf-8", "replace").splitlines()[-LOG_LINES:]))
    return cause


async def events_of(client: Client, namespace: str) -> list[Obj]:
    """What went wrong in the namespace, oldest first; nothing when events may not be read."""
    found = await _some(client, EVENTS, namespace, field_selector="type=Warning")
    return sorted(found, key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "")


async def _some(client: Client, resource: Resource, namespace: str, field_selector: str = "") -> list[Obj]:
    """What may be read of it."""
    try:
        return (await client.list(resource, namespace, field_selector=field_selector)).items
    except StatusError:
        return []
