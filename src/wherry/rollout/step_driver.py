"""Drives one workload through its steps, until nothing is left to do: looks, decides, writes, waits for news, and again.

Run by `wherry rollout steps` and by the component of a cluster that follows the annotation; also by both at once, since each decision is a
function of what stands on the objects, and every write is a comparison. A driver keeps nothing but the measurements of the present checks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from wherry.api import timestamps
from wherry.api.errors import Conflict, NotFound, StatusError
from wherry.api.objects import Obj, annotations_of, is_controlled_by
from wherry.client.protocol import Client
from wherry.kit.fetch import Fetched, fetch, post
from wherry.rollout import checks
from wherry.rollout.errors import Deleted, RevisionNotFound, RolloutError
from wherry.rollout.events import tell
from wherry.rollout.held_up import selector_of
from wherry.rollout.measuring import Pods, measure
from wherry.rollout.mirror import Mirror
from wherry.rollout.revisions import read
from wherry.rollout.snapshot import restarts
from wherry.rollout.step_status import StepsStatus, status_of
from wherry.rollout.step_writes import MANAGER, SERVICES, carry_out, cause
from wherry.rollout.targets import CONTROLLER_REVISIONS, DEPLOYMENTS, PODS, REPLICA_SETS, Named
from wherry.rollout.undone_cause import keep_cause
from wherry.rules.workloads.steps import blue_green
from wherry.rules.workloads.steps import state as states
from wherry.rules.workloads.steps.decide import Decision, Verdict, decide
from wherry.rules.workloads.steps.spec import Step, parse
from wherry.rules.workloads.steps.view import View, available

log = logging.getLogger(__name__)
#: seconds without news after which is looked anyway, and for which news is collected
EVERY, TOGETHER = 5.0, 0.05
Post = Callable[[str, Any], Awaitable[Fetched]]


class Driver:
    """`commands`: checks that run a program are measured; elsewhere they wait for a driver that may. `say` is told every change.

    `now`: seconds since 1970.
    """

    def __init__(self, client: Client, target: Named, namespace: str, *, commands: bool = False, now: Callable[[], float] = time.time,
                 say: Callable[[StepsStatus], None] | None = None, fetch: Callable[[str], Awaitable[Fetched]] = fetch,
                 post: Post = post, measure: Callable[..., Coroutine[Any, Any, Verdict]] = measure) -> None:
        self._client = client
        self._target = target
        self._namespace = namespace
        self._commands = commands
        self._now = now
        self._say = say or (lambda status: None)
        self._fetch = fetch
        self._post = post
        self._measure = measure
        self._changed = asyncio.Event()
        self._mirrors: tuple[Mirror, ...] = ()
        self._measured: tuple[object, asyncio.Task[Verdict]] | None = None
        self._view: View | None = None
        self._shown: StepsStatus | None = None

    async def run(self) -> StepsStatus:
        """Until the steps are done, or aborted. Raises StatusError, RolloutError, BadSteps and NoSteps."""
        tasks = await self._started()
        try:
            while True:
                _raise(tasks)
                if (ended := await self._turn()) is not None:
                    return ended
        finally:
            self._forget()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _started(self) -> list[asyncio.Task[None]]:
        workload = await read(self._client, self._target, self._namespace)
        kept, selector = REPLICA_SETS if self._target.resource is DEPLOYMENTS else CONTROLLER_REVISIONS, selector_of(workload)
        about = (self._namespace, self._changed)
        self._mirrors = (Mirror(self._client, self._target.resource, *about, field_selector=f"metadata.name={self._target.name}"),
                         Mirror(self._client, kept, *about, label_selector=selector),
                         Mirror(self._client, PODS, *about, label_selector=selector))
        tasks = [asyncio.create_task(mirror.run()) for mirror in self._mirrors]
        while not all(mirror.synced.is_set() for mirror in self._mirrors):
            _raise(tasks)
            await self._wait(EVERY)
        return tasks

    async def look(self) -> View:
        """Raises Deleted."""
        workload = self._mirrors[0].objects.get(self._target.name)
        if workload is None:
            raise Deleted("object has been deleted")
        sources = [source for source in self._mirrors[1].values() if is_controlled_by(source, workload)]
        return View(workload, sources, self._mirrors[2].values(), self._now(), await services(self._client, workload))

    async def _turn(self) -> StepsStatus | None:
        """One decision. The status, when nothing is left to do."""
        view = self._view = await self.look()
        steps = steps_of(view.workload)
        self._show(status_of(view, steps))
        decision = decide(view, steps, self._verdict(view))
        if decision.over:
            return status_of(view, steps)
        wrote = decision.state is not None or decision.move is not None or decision.service is not None
        if wrote:
            with suppress(Conflict, NotFound):  # somebody wrote in between: a new look
                await self._write(view, decision, len(steps))
        elif decision.ask is not None:
            self._ask(view, decision.ask)
        await self._wait(TOGETHER if wrote else EVERY if decision.at is None else min(EVERY, max(0.0, decision.at - self._now())))
        return None

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, TOGETHER)):
                await self._changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(TOGETHER)
        self._changed.clear()

    async def _write(self, view: View, decision: Decision, steps: int) -> None:
        try:
            written = await carry_out(self._client, self._target, view, decision, steps)
        except RevisionNotFound as error:
            raise RolloutError(f"cannot be undone: {error}") from error
        if written is not None:
            self._mirrors[0].objects[self._target.name] = {**view.workload, **written}
        await after(self._client, self._target, view, decision)
        await tell_all(self._client, self._target, view, decision, self._post)

    # --- checks ---
    def _key(self, view: View) -> object:
        found = states.read(view.workload)
        return found and (found.release, found.step, found.phase, found.since, annotations_of(view.workload).get(states.CHECKS))

    def _verdict(self, view: View) -> Verdict | None:
        """What the measurements of this very step say, when they have ended."""
        if self._measured is None:
            return None
        key, task = self._measured
        if key != self._key(view):
            self._forget()
            return None
        return task.result() if task.done() else None

    def _ask(self, view: View, step: Step) -> None:
        if self._measured is not None:
            return
        try:
            found = checks.chosen(checks.parse(annotations_of(view.workload).get(states.CHECKS, "")), step.checks)
        except checks.BadCheck as error:
            self._measured = (self._key(view), asyncio.create_task(_unclear(str(error))))
            return
        if not self._commands and any(check.kind == "command" for check in found):
            return  # a driver that may run programs has to come
        about = {"WHERRY_OBJECT": f"{self._target.resource.singular}/{self._target.name}", "WHERRY_NAMESPACE": self._namespace,
                 "WHERRY_STEP": str(step)}
        task = asyncio.create_task(self._measure(found, self._pods, fetch=self._fetch, environment=about))
        task.add_done_callback(lambda _: self._changed.set())
        self._measured = (self._key(view), task)

    def _pods(self) -> Pods:
        assert self._view is not None
        new = self._view.new_pods
        return Pods(sum(map(restarts, new)), available(new, 0, self._now())[0], len(new))

    def _forget(self) -> None:
        if self._measured is not None:
            self._measured[1].cancel()
            self._measured = None

    def _show(self, status: StepsStatus) -> None:
        if status != self._shown:
            self._shown = status
            self._say(status)


def _raise(tasks: list[asyncio.Task[None]]) -> None:
    """What ended a watch for good."""
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _unclear(why: str) -> Verdict:
    return Verdict("unclear", why)


def steps_of(workload: Obj) -> tuple[Step, ...]:
    """Those of its annotation; without one (kubectl's undo of a Deployment takes it away) there is nothing but the end. Raises BadSteps."""
    return parse(annotations_of(workload).get(states.STEPS) or "100%")


async def services(client: Client, workload: Obj) -> tuple[Obj, ...]:
    """Those that the annotation names. Raises NotFound, NoSteps."""
    found = blue_green.names(workload)
    return tuple([await client.get(SERVICES, workload["metadata"].get("namespace", ""), service) for service in found.values()])


async def after(client: Client, target: Named, view: View, decision: Decision) -> None:
    """What belongs to an abort and may be lost without harm: the cause goes to the revision that came back."""
    if decision.undo and decision.state is not None:
        namespace = view.workload["metadata"].get("namespace", "")
        with suppress(StatusError):
            await keep_cause(client, target, namespace, decision.state.stable, cause(decision.state.why), MANAGER)


async def tell_all(client: Client, target: Named, view: View, decision: Decision, post: Post = post) -> None:
    """The event, and the webhook that the annotation names; one that does not answer becomes an event."""
    told = decision.told
    if told is None:
        return
    await tell(client, view.workload, told.type, told.reason, told.message, view.now, MANAGER)
    hook = annotations_of(view.workload).get(states.NOTIFY)
    if not hook:
        return
    answer = await post(hook, notice(target, view.workload["metadata"].get("namespace", ""), view, decision))
    if not 200 <= answer.status < 300:
        said = f"{hook} was not told of {told.reason}: {answer.body[:200] or answer.status}"
        log.warning("%s: %s", target.name, said)
        await tell(client, view.workload, "Warning", "RolloutNotifyFailed", said, view.now + 0.001, MANAGER)


def notice(target: Named, namespace: str, view: View, decision: Decision) -> dict[str, Any]:
    """What a webhook is told."""
    told, state = decision.told, decision.state
    assert told is not None
    return {"object": f"{target.resource.plural}/{target.name}", "namespace": namespace, "type": told.type, "reason": told.reason,
            "message": told.message, "phase": state.phase if state is not None else "", "step": state.step + 1 if state is not None else 0,
            "time": timestamps.time(view.now)}
