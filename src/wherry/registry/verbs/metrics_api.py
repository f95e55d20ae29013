"""The kinds of metrics.k8s.io: worked out of the stored pods and nodes when somebody asks, never stored.

Called by the registry for get and list. The group answers at all times; it is listed among the others from the first container on that
runs, as a metrics server is only there once it has measured something. `measure` is replaced where containers are more than simulated.
"""

from __future__ import annotations

from wherry.api import errors
from wherry.api.objects import Obj, name
from wherry.api.options import ListOptions, Target
from wherry.api.resources import resource
from wherry.registry.core import Core, key, prefix
from wherry.registry.encode import transient
from wherry.registry.results import Page
from wherry.registry.verbs import query
from wherry.rules.objects.strategy import PLAIN
from wherry.rules.pods.metrics import objects, usage
from wherry.rules.pods.metrics.objects import GROUP, Measure
from wherry.store.protocol import Record

__all__ = ["GROUP", "MetricsApi"]

_PODS, _NODES = resource("pods"), resource("nodes")


class MetricsApi:
    """One per registry."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._seen = False
        self.measure: Measure = usage.of_pod
        core.table.compute((objects.NODES, objects.PODS), lambda: self._seen)

    async def look(self) -> None:
        """Notice whether anything runs; cheap once something did."""
        if not self._seen and self._core.store.size(_PODS.group_resource):
            self._seen = any(objects.is_measured(pod) for pod in await self._stored(prefix(_PODS)))

    async def get(self, target: Target) -> Record:
        """Raises NotFound, also for a pod of which nothing runs."""
        of_pods = target.resource.plural == "pods"
        about = _PODS if of_pods else _NODES
        found = await self._core.store.get(key(about, target.namespace, target.name))
        metrics = None if found is None else await self._measured(found.object(), of_pods)
        if metrics is None:
            asked = f"{target.namespace}/{target.name}" if of_pods else target.name
            raise errors.not_found(f"{target.resource.kind.lower()}.{GROUP}", asked)
        return transient(metrics, self._core.store.revision)

    async def page(self, target: Target, options: ListOptions) -> Page:
        """All of them: pages are not made of what is worked out."""
        match = query.matcher(options.label_selector, options.field_selector, lambda: PLAIN)
        now, revision = self._core.now(), self._core.store.revision
        pods = await self._stored(prefix(_PODS, target.namespace))
        if target.resource.plural == "pods":
            found = [m for m in (objects.of_pod(pod, now, self.measure) for pod in pods) if m is not None]
        else:
            on: dict[str, list[Obj]] = {}
            for pod in pods:
                on.setdefault(pod["spec"].get("nodeName") or "", []).append(pod)
            nodes = await self._stored(prefix(_NODES))
            found = [objects.of_node(node, on.get(name(node), ()), now, self.measure) for node in nodes]
        return Page([transient(m, revision) for m in found if match is None or match(m)], revision)

    async def _measured(self, about: Obj, of_pods: bool) -> Obj | None:
        now = self._core.now()
        if of_pods:
            return objects.of_pod(about, now, self.measure)
        pods = [p for p in await self._stored(prefix(_PODS)) if p["spec"].get("nodeName") == name(about)]
        return objects.of_node(about, pods, now, self.measure)

    async def _stored(self, at: str) -> list[Obj]:
        return [record.object() for record in (await self._core.store.range(at)).records]
