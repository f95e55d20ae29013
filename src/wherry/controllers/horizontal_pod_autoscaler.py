"""The HorizontalPodAutoscaler controller: every fifteen seconds asks for the target's scale and its pods' metrics, and scales.

Watches autoscalers and pods; its keys are those of autoscalers. What it recommended and did lately it keeps in mind, per autoscaler. Rules:
`wherry.rules.workloads.autoscaling`. Source of the wiring: pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api import objects
from wherry.api.errors import Conflict, NotFound, StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.reconcile import Controller, Parts
from wherry.rules.objects import selectors
from wherry.rules.objects.plan import Plan
from wherry.rules.objects.selectors import Selector
from wherry.rules.pods.metrics.objects import PODS as POD_METRICS
from wherry.rules.workloads.autoscaling import plan
from wherry.rules.workloads.autoscaling.behavior import Memory
from wherry.rules.workloads.autoscaling.metrics import Observed

AUTOSCALERS, PODS = resource("horizontalpodautoscalers", "autoscaling", "v2"), resource("pods")
#: how often a scale is written again when somebody else was quicker
_TRIES = 5


class HorizontalPodAutoscalerController(Controller):
    """Its keys are those of autoscalers."""

    name = "horizontal-pod-autoscaler"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._table = parts.table
        self._memory: dict[str, Memory] = {}
        #: the selectors of the targets, by the autoscaler's key, as they were last seen
        self._selectors: dict[str, Selector] = {}
        self._pods = self.informer(PODS)
        self._autoscalers = self.watch(AUTOSCALERS, delay=lambda _: plan.PERIOD)

    async def reconcile(self, key: str) -> float | None:
        hpa = self._autoscalers.get(key)
        if hpa is None:
            self._memory.pop(key, None)
            self._selectors.pop(key, None)
            return None
        now = self.clock.now()
        try:
            row, scale = await self._scale(hpa)
        except StatusError as error:
            await self._written(plan.no_scale(hpa, error.message, now))
            return plan.PERIOD
        current = (scale.get("spec") or {}).get("replicas", 0)
        observed = await self._observed(hpa, scale) if plan.needs_metrics(hpa, current) else Observed(current, (), ())
        decision = plan.decide(hpa, current, observed, self._memory.get(key, Memory()), now)
        self._memory[key] = decision.memory
        if decision.replicas is None:
            await self._written(plan.unscaled(decision))
            return plan.PERIOD
        try:
            await self._rescale(row, scale, decision.replicas)
        except StatusError as error:
            await self._written(plan.refused(decision, error.message))
            return plan.PERIOD
        done, self._memory[key] = plan.scaled(decision, self.clock.now())
        await self._written(done)
        return plan.PERIOD

    async def _written(self, plan: Plan) -> None:
        error = (await self.apply(plan)).error
        if error is not None and not isinstance(error, NotFound):
            raise error

    def _selecting(self, namespace: str, pods: Sequence[Obj]) -> list[str]:
        """The keys of the autoscalers there whose targets have one of the pods."""
        there = [key for key in self._selectors if key.partition("/")[0] == namespace and self._autoscalers.get(key) is not None]
        return sorted(key for key in there if any(self._selectors[key].matches(objects.labels(pod)) for pod in pods))

    # --- the target ---
    async def _scale(self, hpa: Obj) -> tuple[Resource, Obj]:
        """Raises StatusError."""
        ref = hpa["spec"]["scaleTargetRef"]
        group = ref.get("apiVersion", "").rpartition("/")[0]
        rows = [row for row in self._table if row.group == group and row.kind == ref["kind"]]
        if not rows:
            where = f' in group "{group}"' if group else ""
            raise NotFound(f'no matches for kind "{ref["kind"]}"{where}')
        row = next((r for r in rows if "scale" in r.subresources), None)
        if row is None:
            raise NotFound("the server could not find the requested resource")
        return row, await self.parts.client.get(row, objects.namespace(hpa), ref["name"], subresource="scale")

    async def _rescale(self, row: Resource, scale: Obj, replicas: int) -> None:
        """Raises StatusError."""
        for _ in range(_TRIES):
            wanted = {**scale, "spec": {**(scale.get("spec") or {}), "replicas": replicas}}
            try:
                await self.parts.client.update(row, wanted, subresource="scale")
                return
            except Conflict:
                scale = await self.parts.client.get(row, objects.namespace(scale), objects.name(scale), subresource="scale")
        raise Conflict(f"{row.group_resource} {objects.name(scale)} is changed all the time")

    async def _observed(self, hpa: Obj, scale: Obj) -> Observed | str:
        """Pods and metrics of the target; or why they cannot be told, as reason and message, parted by a line feed."""
        status = scale.get("status") or {}
        text = status.get("selector", "")
        if not text:
            return "InvalidSelector\nselector is required"
        try:
            selector = selectors.parse(text)
        except StatusError as error:
            return f"InvalidSelector\ncouldn't convert selector into a corresponding internal selector object: {error.message}"
        namespace = objects.namespace(hpa)
        self._selectors[objects.key(hpa)] = selector
        pods = [p for p in self._pods.by_index("namespace", namespace) if selector.matches(objects.labels(p))]
        if len(others := self._selecting(namespace, pods)) > 1:
            return f"AmbiguousSelector\npods by selector {text} are controlled by multiple HPAs: [{' '.join(others)}]"
        replicas = (scale.get("spec") or {}).get("replicas", 0)
        try:
            found = (await self.parts.client.list(POD_METRICS, namespace, label_selector=text)).items
        except StatusError as error:
            return Observed(replicas, pods, (), f"unable to fetch metrics from resource metrics API: {error.message}")
        return Observed(replicas, pods, found)
