"""The taint eviction controller: deletes pods from nodes with NoExecute taints that they do not tolerate, or no longer.

Watches pods and nodes; its keys are those of pods. What it told a pod it remembers until the pod may stay or is gone.
Rules: `wherry.rules.placing.node_lifecycle.eviction`. Source of the wiring: pkg/controller/tainteviction.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.informer import by_node
from wherry.reconcile import Controller, Parts
from wherry.rules.placing.node_lifecycle import eviction, taints
from wherry.rules.placing.node_lifecycle.eviction import Sentence

PODS, NODES = resource("pods"), resource("nodes")


class TaintEvictionController(Controller):
    name = "taint-eviction-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._told: dict[str, tuple[str, Sentence]] = {}
        self._carried_out: dict[str, str] = {}
        self._pods, self._nodes = self.informer(PODS), self.informer(NODES)
        self._pods.add_index("node", by_node)
        self.watch(PODS, self._of_pod)
        self.watch(NODES, self._of_node)

    async def reconcile(self, key: str) -> float | None:
        pod, now = self._pods.get(key), self.clock.now()
        uid, before = self._told.get(key, ("", None))
        if pod is None or (uid and uid != objects.uid(pod)):
            self._told.pop(key, None)
            self._carried_out.pop(key, None)
            if pod is None:
                return None
            before = None
        if self._carried_out.get(key) == objects.uid(pod):
            return None
        node = self._nodes.get(pod["spec"].get("nodeName") or "")
        if node is None:
            return await self._due(pod, before, now)  # a node that is gone changes nothing
        sentence = before if before is not None and before.due <= now else eviction.judge(pod, taints.no_execute(node), before, now)
        if not taints.no_execute(node):
            sentence = None
        if before is not None and sentence != before:
            await self.apply(eviction.plan_cancelled(pod))
        return await self._due(pod, sentence, now)

    async def _due(self, pod: Obj, sentence: Sentence | None, now: float) -> float | None:
        key = objects.key(pod)
        if sentence is None:
            self._told.pop(key, None)
            return None
        self._told[key] = (objects.uid(pod), sentence)
        if sentence.due > now:
            return sentence.due - now
        error = (await self.apply(eviction.plan_deletion(pod, now))).error
        if error is not None and not isinstance(error, NotFound):
            raise error
        self._carried_out[key] = objects.uid(pod)
        self._told.pop(key, None)
        return None

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        if old is not None and new is not None and _placed(old) == _placed(new):
            return ()
        return (objects.key(new or old or {}),)

    def _of_node(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        if new is None or (old is not None and taints.no_execute(old) == taints.no_execute(new)):
            return ()
        return [objects.key(p) for p in self._pods.by_index("node", objects.name(new))]


def _placed(pod: Obj) -> tuple[str, object, object]:
    return objects.uid(pod), pod["spec"].get("nodeName"), pod["spec"].get("tolerations")
