"""The disruption controller: keeps the status of PodDisruptionBudgets, by which evictions are allowed or refused.

Watches budgets, pods and the workloads behind them; its keys are those of budgets, and `pod <key>` for a pod that says it is a disruption
target and may have to take that back. Rules: `wherry.rules.workloads.disruption`. Source of the wiring: pkg/controller/disruption.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wherry.api import objects
from wherry.api.errors import BadRequest, Conflict, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import TABLE, resource
from wherry.reconcile import Controller, Parts
from wherry.rules.objects import selectors
from wherry.rules.objects.plan import Emit, Plan
from wherry.rules.pods import disruption_target as target
from wherry.rules.workloads.disruption import scale, status
from wherry.rules.workloads.disruption.scale import CountFailed, Expected, Scale
from wherry.rules.workloads.disruption.selection import budgets_of

BUDGETS = resource("poddisruptionbudgets", "policy")
PODS = resource("pods")
WORKLOADS = {
    "ReplicationController": resource("replicationcontrollers"),
    "ReplicaSet": resource("replicasets", "apps"),
    "StatefulSet": resource("statefulsets", "apps"),
    "Deployment": resource("deployments", "apps"),
}
_POD = "pod "


class DisruptionController(Controller):
    name = "controllermanager"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._budgets = self.watch(BUDGETS)
        self._workloads = {kind: self.informer(of) for kind, of in WORKLOADS.items()}
        self._pods = self.watch(PODS, self._of_pod)

    async def reconcile(self, key: str) -> float | None:
        if key.startswith(_POD):
            return await self._take_back(key.removeprefix(_POD))
        budget = self._budgets.get(key)
        if budget is None:
            return None
        try:
            return await self._count(budget)
        except Conflict:
            raise
        except (StatusError, CountFailed) as error:
            await self._written(status.plan_failed(budget, str(error), self.clock.now()))
            return None

    async def _count(self, budget: Obj) -> float | None:
        pods = self._selected(budget)
        scales: Expected | None = None
        if status.needs_scale(budget):
            try:
                scales = scale.expected(pods, await self._scales(pods))
            except (StatusError, CountFailed) as error:
                text = f"Failed to calculate the number of expected pods: {error}"
                await self.apply(Plan((Emit(budget, "Warning", "CalculateExpectedPodCountFailed", text),)))
                raise
        plan = status.plan_status(budget, pods, scales, self.clock.now())
        await self._written(plan)
        return plan.requeue_after

    async def _written(self, plan: Plan) -> None:
        error = (await self.apply(plan)).error
        if error is not None and not isinstance(error, NotFound):
            raise error

    def _selected(self, budget: Obj) -> list[Obj]:
        try:
            matches = selectors.from_label_selector(budget["spec"].get("selector")).matches
        except BadRequest as error:
            self.recorder.event(budget, "Warning", "NoPods", f"Failed to get pods: {error}")
            raise
        return [p for p in self._pods.by_index("namespace", objects.namespace(budget)) if matches(objects.labels(p))]

    # --- the workloads ---
    async def _scales(self, pods: Sequence[Obj]) -> dict[str, Scale | None]:
        found: dict[str, Scale | None] = {}
        for uid, (ref, pod) in scale.controllers(pods).items():
            space = objects.namespace(pod)
            found[uid] = scale.of_workload(ref, space, self._workload) or await self._by_scale(ref, space)
        return found

    def _workload(self, kind: str, key: str) -> Obj | None:
        return self._workloads[kind].get(key)

    async def _by_scale(self, ref: Obj, namespace: str) -> Scale | None:
        of = TABLE.by_kind(ref["apiVersion"], ref["kind"])
        if of is None:
            raise CountFailed(f'no matches for kind "{ref["kind"]}" in version "{ref["apiVersion"]}"')
        if "scale" not in of.subresources:
            raise CountFailed(f"{of.group_resource} does not implement the scale subresource")
        try:
            found = await self.parts.client.get(of, namespace, ref["name"], subresource="scale")
        except NotFound:
            return None
        same = objects.uid(found) == ref["uid"]
        return Scale(ref["uid"], found["spec"].get("replicas") or 0) if same else None

    # --- the pods ---
    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        pod = new or old or {}
        here = self._budgets.by_index("namespace", objects.namespace(pod))
        budgets = budgets_of(pod, here) if here else []
        if len(budgets) > 1:
            space, name = objects.namespace(pod), objects.name(pod)
            text = f'Pod "{space}"/"{name}" matches multiple PodDisruptionBudgets.  Chose "{objects.name(budgets[0])}" arbitrarily.'
            self.recorder.event(pod, "Warning", "MultiplePodDisruptionBudgets", text)
        keys = {objects.key(b) for b in budgets}
        if here and old is not None and new is not None and objects.labels(old) != objects.labels(new):
            keys.update(objects.key(b) for b in budgets_of(old, here))
        if new is not None and target.stale_in(new, self.clock.now()) is not None:
            keys.add(_POD + objects.key(new))
        return keys

    async def _take_back(self, key: str) -> float | None:
        pod, now = self._pods.get(key), self.clock.now()
        left = target.stale_in(pod, now) if pod is not None else None
        if pod is None or left is None:
            return None
        if left > 0:
            return left
        await self._written(Plan((target.take_back(pod, now),)))
        return None
