"""The Job controller: gathers a Job with its pods, asks the rules what to create or delete, counts the pods that ended, writes the status.

Watches Jobs and pods (own ones, and orphans that a selector might match). News of pods are collected for a second, as in the reference;
a Job that was changed by its user is looked at at once. Keeps in mind, per Job, how often its pods failed in a row. Pods whose Job is
gone or over lose their finalizer by a key of their own. Rules: `wherry.rules.workloads.job`.
Source of the wiring: pkg/controller/job/job_controller.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from wherry.api import objects
from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.kit.backoff import Backoff
from wherry.kit.queue import WorkQueue
from wherry.reconcile import Controller, Parts, raise_unless_gone
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Delete, Emit, Plan, Update
from wherry.rules.pods.state_of_replica import is_ready
from wherry.rules.workloads.job import tracked
from wherry.rules.workloads.job.backoff import Record
from wherry.rules.workloads.job.finished import is_finished, is_managed_elsewhere
from wherry.rules.workloads.job.gather import gather
from wherry.rules.workloads.job.plan import Decision, decide
from wherry.rules.workloads.job.running import Outcome
from wherry.rules.workloads.job.tally import Tally, concluded, tally
from wherry.rules.workloads.job.verdict import deadline
from wherry.rules.workloads.job.view import View
from wherry.rules.workloads.replicaset.replicas import creation_events, deletion_events, real_error

JOBS, PODS = resource("jobs", "batch"), resource("pods")

#: seconds for which news of pods, and of the status, are collected
BATCH = 1.0
#: back-off of a Job whose look ended in an error
FIRST_RETRY, LAST_RETRY = 1.0, 60.0
#: begins the key of a pod that has no Job any more
ORPHAN = "orphan:"


class JobController(Controller):
    """Its keys are those of Jobs, and ORPHAN with the key of a pod."""

    name = "job-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.queue = WorkQueue(parts.clock, Backoff(FIRST_RETRY, LAST_RETRY))
        self._records: dict[str, Record] = {}
        self._jobs, self._pods = self.informer(JOBS), self.informer(PODS)
        self._pods.add_index("orphan", ownership.orphan_of)
        self.watch(JOBS, self._of_job, _patience, _respecified)
        self.watch(PODS, self._of_pod, _patience)

    async def reconcile(self, key: str) -> float | None:
        if key.startswith(ORPHAN):
            await self._untrack_orphan(key.removeprefix(ORPHAN))
            return None
        job = self._jobs.get(key)
        if job is None or is_finished(job):
            self._records.pop(key, None)
            return None
        if is_managed_elsewhere(job):
            return None
        pods = await self._claimed(job)
        return await self._manage(key, job, pods) if pods is not None else None

    async def _claimed(self, job: Obj) -> Sequence[Obj] | None:
        """Its pods, after adoptions and releases. None when its selector cannot be read."""
        claim = gather(job, self._candidates(job))
        if claim is None or not claim.actions:
            return None if claim is None else claim.owned
        raise_unless_gone((await self.apply(Plan(claim.actions))).error)
        claim = gather(job, self._candidates(job))
        return None if claim is None else claim.owned

    def _candidates(self, job: Obj) -> list[Obj]:
        return [*self._pods.by_index("owner", objects.uid(job)), *self._pods.by_index("orphan", objects.namespace(job))]

    async def _manage(self, key: str, job: Obj, pods: Sequence[Obj]) -> float | None:
        view = View.of(job, pods, self._records.get(key, Record()), self.clock.now())
        decision = decide(view, iter(self.parts.suffix, ""))
        outcome = await self._carry_out(job, decision)
        found = tally(view, decision, outcome)
        await self.apply(Plan(found.told))
        job = await self._write_down(key, found, view.record)
        await self._conclude(job, found)
        raise_unless_gone(outcome.error)
        started = (job.get("status") or {}).get("startTime")
        waits = (None if decision.wait is None else max(decision.wait, BATCH), deadline(job, started, self.clock.now()))
        return min((w for w in waits if w is not None and decision.verdict is None), default=None)

    # --- pods ---
    async def _carry_out(self, job: Obj, decision: Decision) -> Outcome:
        if decision.creates:
            applied = await self.apply(Plan(decision.creates))
            await self.apply(Plan(creation_events(job, applied.results, applied.error)))
            return Outcome(created=len(applied.results), error=real_error(applied.error))
        doomed = decision.ending or decision.dropped
        errors = await asyncio.gather(*(self._delete(job, pod, drop=bool(decision.dropped)) for pod in doomed))
        gone = [pod for pod, error in zip(doomed, errors, strict=True) if error is None]
        return Outcome(deleted=len(gone), ready=sum(map(is_ready, gone)), error=next(filter(None, errors), None))

    async def _delete(self, job: Obj, pod: Obj, *, drop: bool) -> StatusError | None:
        """`drop`: the pod shall not count, so its finalizer goes first."""
        first = (tracked.untrack(pod),) if drop and tracked.is_tracked(pod) else ()
        applied = await self.apply(Plan((*first, Delete(pod))))
        if applied.error is None:
            told = Emit(job, "Normal", "SuccessfulDelete", f"Deleted pod: {objects.name(pod)}")
            await self.apply(Plan((told,)))
            return None
        await self.apply(Plan(deletion_events(job, applied.error)))
        return real_error(applied.error)

    # --- counting ---
    async def _write_down(self, key: str, found: Tally, record: Record) -> Obj:
        if not found.changed:
            return found.job
        applied = await self.apply(Plan((Update(found.job, "status"),)))
        if applied.error is not None:
            raise applied.error
        self._records[key] = record
        return applied.results[0]

    async def _conclude(self, job: Obj, found: Tally) -> None:
        """Finalizers go, counts move, and the Job ends when it may."""
        errors = await asyncio.gather(*(self._untrack(pod) for pod in found.untracked))
        untracked = {objects.uid(p) for p, error in zip(found.untracked, errors, strict=True) if error is None}
        error = next(filter(None, errors), None)
        done = concluded(job, found if error is None else _unended(found), untracked, self.clock.now())
        if done is not None:
            ended, told = done
            applied = await self.apply(Plan((Update(ended, "status"), *told)))
            if applied.error is not None:
                raise applied.error
        raise_unless_gone(error)

    async def _untrack(self, pod: Obj) -> StatusError | None:
        error = (await self.apply(Plan((tracked.untrack(pod),)))).error
        return None if isinstance(error, NotFound) else error

    async def _untrack_orphan(self, key: str) -> None:
        pod = self._pods.get(key)
        if pod is None or not tracked.is_tracked(pod):
            return
        ref = objects.controller_of(pod)
        if ref is not None and (ref.get("kind"), ref.get("apiVersion")) != ("Job", "batch/v1"):
            return
        job = self._job_of(pod)
        if job is None or (is_finished(job) and not is_managed_elsewhere(job)):
            raise_unless_gone(await self._untrack(pod))

    # --- what wakes it ---
    def _job_of(self, pod: Obj) -> Obj | None:
        for key in ownership.owner_keys(pod, "Job"):
            job = self._jobs.get(key)
            if job is not None and objects.is_controlled_by(pod, job):
                return job
        return None

    def _of_job(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        job = new or old
        if job is None:
            return
        yield objects.key(job)
        if new is None or is_finished(new):
            for pod in self._pods.by_index("owner", objects.uid(job)):
                if tracked.is_tracked(pod):
                    yield ORPHAN + objects.key(pod)

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        keys = {*ownership.owner_keys(old, "Job"), *ownership.owner_keys(new, "Job")}
        if new is not None and ownership.may_be_newly_orphaned(old, new):
            keys.update(ownership.possible_owners(new, self._jobs.by_index("namespace", objects.namespace(new))))
        if new is not None and tracked.is_tracked(new) and self._is_left(new):
            keys.add(ORPHAN + objects.key(new))
        return keys

    def _is_left(self, pod: Obj) -> bool:
        """Nobody else will take its finalizer off."""
        if objects.controller_of(pod) is None:
            return True
        job = self._job_of(pod)
        return objects.is_deleting(pod) and (job is None or is_finished(job))


def _patience(key: str) -> float:
    return 0.0 if key.startswith(ORPHAN) else BATCH


def _respecified(old: Obj | None, new: Obj | None) -> bool:
    """Not only its status changed."""
    return old is None or new is None or old["metadata"].get("generation") != new["metadata"].get("generation")


def _unended(found: Tally) -> Tally:
    return Tally(found.job, found.changed, found.untracked, found.tracked, None, found.told)
