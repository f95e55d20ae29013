"""The CronJob controller: starts a Job whenever one is due, deletes the oldest of those that ended, keeps the list of the active ones.

Watches CronJobs and the Jobs that they own. A CronJob whose schedule changed is looked at when its next run is due, any other at once.
Rules: `wherry.rules.workloads.cronjob`. Source of the wiring: pkg/controller/cronjob/cronjob_controllerv2.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wherry.api import objects
from wherry.api.errors import AlreadyExists, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.reconcile import Controller, Parts, raise_unless_gone
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Create, Delete, Emit, Plan, Update
from wherry.rules.workloads.cronjob import status
from wherry.rules.workloads.cronjob.history import too_old
from wherry.rules.workloads.cronjob.missed import wait
from wherry.rules.workloads.cronjob.plan import Decision, decide
from wherry.rules.workloads.cronjob.schedule import schedule_of
from wherry.rules.workloads.replicaset.replicas import is_namespace_terminating

CRON_JOBS, JOBS = resource("cronjobs", "batch"), resource("jobs", "batch")


class CronJobController(Controller):
    """Its keys are those of CronJobs."""

    name = "cronjob-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._cron_jobs, self._jobs = self.informer(CRON_JOBS), self.informer(JOBS)
        self.watch(CRON_JOBS, delay=self._until_next_run, at_once=_keeps_schedule)
        self.watch(JOBS, _of_job)

    async def reconcile(self, key: str) -> float | None:
        before = self._cron_jobs.get(key)
        if before is None:
            return None
        jobs = self._jobs.by_index("owner", objects.uid(before))
        before = await self._recall(before, jobs)
        cron_job = await self._clean_up(before, jobs)
        cron_job, told = status.observed(cron_job, jobs, await self._missing(cron_job, jobs))
        decision = decide(cron_job, self.clock.now())
        await self.apply(Plan((*told, *decision.told)))
        cron_job, error = await self._carry_out(cron_job, decision)
        if cron_job is not before:
            raise_unless_gone((await self.apply(Plan((Update(cron_job, "status"),)))).error)
        raise_unless_gone(error)
        return decision.wait

    async def _recall(self, cron_job: Obj, jobs: Sequence[Obj]) -> Obj:
        """What was forgotten is written down first: an old Job that is deleted is the only one that knows of its run."""
        recalled, told = status.recalled(cron_job, jobs)
        if recalled is cron_job:
            return cron_job
        applied = await self.apply(Plan((*told, Update(recalled, "status"))))
        raise_unless_gone(applied.error)
        return applied.results[-1] if applied.results else cron_job

    async def _clean_up(self, cron_job: Obj, jobs: Sequence[Obj]) -> Obj:
        for job in too_old(cron_job, jobs):
            if await self._delete(cron_job, job):
                cron_job = status.without(cron_job, {objects.uid(job)})
        return cron_job

    async def _delete(self, cron_job: Obj, job: Obj) -> bool:
        error = (await self.apply(Plan((Delete(job, propagation_policy="Background"),)))).error
        if error is None:
            told = Emit(cron_job, "Normal", "SuccessfulDelete", f"Deleted job {objects.name(job)}")
        else:
            told = Emit(cron_job, "Warning", "FailedDelete", f"Deleted job: {error.message}")
        await self.apply(Plan((told,)))
        return error is None

    async def _missing(self, cron_job: Obj, jobs: Iterable[Obj]) -> list[Obj]:
        """The active Jobs that are neither known here nor to the server."""
        known = {objects.uid(job) for job in jobs}
        unknown = [ref for ref in status.active(cron_job) if ref.get("uid") not in known]
        return [ref for ref in unknown if await self._find(objects.namespace(cron_job), ref["name"]) is None]

    async def _find(self, namespace: str, name: str) -> Obj | None:
        try:
            return await self.parts.client.get(JOBS, namespace, name)
        except NotFound:
            return None

    async def _carry_out(self, cron_job: Obj, decision: Decision) -> tuple[Obj, StatusError | None]:
        """The CronJob as its status then is, and what went wrong."""
        if decision.job is None:
            return cron_job, None
        for ref in decision.replaces:
            job = await self._find(objects.namespace(cron_job), ref["name"])
            if job is None:
                return cron_job, await self._not_found(cron_job, ref)
            if not await self._delete(cron_job, job):
                return cron_job, StatusError(f"could not replace job {objects.key(job)}")
            cron_job = status.without(cron_job, {objects.uid(job)})
        return await self._create(cron_job, decision.job, decision.run)

    async def _not_found(self, cron_job: Obj, ref: Obj) -> StatusError:
        error = StatusError(f'jobs.batch "{ref["name"]}" not found')
        await self.apply(Plan((Emit(cron_job, "Warning", "FailedGet", f"Get job: {error.message}"),)))
        return error

    async def _create(self, cron_job: Obj, wanted: Obj, run: float) -> tuple[Obj, StatusError | None]:
        applied = await self.apply(Plan((Create(wanted),)))
        if isinstance(applied.error, AlreadyExists):
            job = await self._find(objects.namespace(wanted), objects.name(wanted))
            if job is None or not objects.is_controlled_by(job, cron_job) or status.is_active(cron_job, job):
                return cron_job, None
            return status.started(cron_job, job, run), None
        if applied.error is not None:
            if not is_namespace_terminating(applied.error):
                told = Emit(cron_job, "Warning", "FailedCreate", f"Error creating job: {applied.error.message}")
                await self.apply(Plan((told,)))
            return cron_job, applied.error
        job = applied.results[0]
        await self.apply(Plan((Emit(cron_job, "Normal", "SuccessfulCreate", f"Created job {objects.name(job)}"),)))
        return status.started(cron_job, job, run), None

    def _until_next_run(self, key: str) -> float:
        cron_job = self._cron_jobs.get(key)
        try:
            seconds = wait(cron_job, schedule_of(cron_job), self.clock.now()) if cron_job is not None else None
        except ValueError:  # it is told of when it is looked at
            seconds = None
        return seconds or 0.0


def _of_job(old: Obj | None, new: Obj | None) -> Iterable[str]:
    return {*ownership.owner_keys(old, "CronJob"), *ownership.owner_keys(new, "CronJob")}


def _keeps_schedule(old: Obj | None, new: Obj | None) -> bool:
    if old is None or new is None:
        return True
    return all(old["spec"].get(k) == new["spec"].get(k) for k in ("schedule", "timeZone"))
