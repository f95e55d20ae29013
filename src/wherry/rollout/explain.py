"""A rollout followed with its causes: what `status` says, and as soon as it is known why it does not go on.

Called by the command line and by guards. The workload is watched; while nothing happens its pods are looked at once a second, because a
pod that cannot start changes nothing in its workload.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

from wherry.api.errors import StatusError
from wherry.api.objects import Obj, annotations_of, controller_of
from wherry.client.http import HttpClient, path
from wherry.client.protocol import Client
from wherry.rollout.causes import Cause, of_events, of_owner, of_pod
from wherry.rollout.errors import Failed
from wherry.rollout.progress import Progress
from wherry.rollout.revisions import HASH_LABEL, REVISION
from wherry.rollout.rollout import Rollout
from wherry.rollout.targets import DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS, Named
from wherry.rules import selectors

#: seconds between two looks at the pods; seconds for which a deadline that was over from the start may still be the last rollout's
EVERY, STALE = 1.0, 2.0
LOG_LINES = 5
_REVISION_LABEL = "controller-revision-hash"


class Stuck(Failed):
    """The rollout cannot go on: its causes are final. The command line ends with its own status for it."""

    exit_status = 3

    def __init__(self, causes: list[Cause]) -> None:
        super().__init__("the rollout cannot finish: " + "; ".join(map(str, causes)))
        self.causes = causes


async def explained(client: Client, target: Named, namespace: str, *, revision: int = 0, fail_fast: bool = False, every: float = EVERY,
                    known: Obj | None = None) -> AsyncIterator[Progress | Cause]:
    """Every step of the status, and every cause once. Raises as `Rollout.status`; Stuck for a final cause when `fail_fast`."""
    loop = asyncio.get_running_loop()
    started, said = loop.time(), set()
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
                except Failed:
                    if loop.time() - started > STALE:
                        raise
                    await asyncio.sleep(min(every, STALE / 4))
                    steps = Rollout(client, target, namespace).status(revision)
                else:
                    yield step
                    if step.done:
                        return
                following = asyncio.ensure_future(anext(steps))
                continue
            causes = await why(client, target, namespace)
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


async def why(client: Client, target: Named, namespace: str) -> list[Cause]:
    """What holds the newest revision of a workload up, now."""
    workload = await client.get(target.resource, namespace, target.name)
    selector = str(selectors.from_label_selector(workload["spec"]["selector"]))
    pods = (await client.list(PODS, namespace, label_selector=selector)).items
    if target.resource is DEPLOYMENTS:
        owner = await _newest(client, namespace, workload, selector)
        causes = of_owner(owner) if owner else of_owner(workload)
        mark = ((owner or {}).get("metadata") or {}).get("labels", {}).get(HASH_LABEL)
        pods = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(HASH_LABEL) == mark]
    else:
        causes = of_events(await _events(client, namespace, target.name, "FailedCreate"))
        pods = [pod for pod in pods if (controller_of(pod) or {}).get("uid") == workload["metadata"]["uid"]]
        update = (workload.get("status") or {}).get("updateRevision")
        if update:
            pods = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(_REVISION_LABEL) == update] or pods
    for pod in pods:
        found = of_pod(pod)
        if not found and _is_running(pod):
            found = of_pod(pod, [str(e.get("message", "")) for e in await _events(client, namespace, pod["metadata"]["name"], "Unhealthy")])
        causes += [await _with_log(client, namespace, cause) for cause in found]
    return causes


async def _with_log(client: Client, namespace: str, cause: Cause) -> Cause:
    """A crash with the last lines of its log, where the client can read logs (over HTTP)."""
    if cause.kind != "crash" or cause.log or not isinstance(client, HttpClient):
        return cause
    query = [("container", cause.container), ("previous", "true" if cause.final else "false"), ("tailLines", str(LOG_LINES))]
    try:
        answer = await client.request("GET", path(PODS, namespace, cause.pod, "log"), query, accept="*/*")
    except StatusError:
        return cause
    return replace(cause, log=tuple(answer.body.decode("utf-8", "replace").splitlines()[-LOG_LINES:]))


def _is_running(pod: Obj) -> bool:
    """Its containers run, and yet it is not ready: a probe may say why."""
    status = pod.get("status") or {}
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    return status.get("phase") == "Running" and not ready and not pod["metadata"].get("deletionTimestamp")


async def _newest(client: Client, namespace: str, deployment: Obj, selector: str) -> Obj | None:
    """The ReplicaSet of the Deployment's own revision."""
    number = annotations_of(deployment).get(REVISION)
    for rs in (await client.list(REPLICA_SETS, namespace, label_selector=selector)).items:
        if (controller_of(rs) or {}).get("uid") == deployment["metadata"]["uid"] and annotations_of(rs).get(REVISION) == number:
            return rs
    return None


async def _events(client: Client, namespace: str, name: str, reason: str) -> list[Obj]:
    try:
        found = await client.list(EVENTS, namespace, field_selector=f"involvedObject.name={name},reason={reason}")
    except StatusError:
        return []
    return sorted(found.items, key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "")
