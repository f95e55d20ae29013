"""What the two endpoints controllers share: following Services and pods, and finding a Service's pods quickly.

A Service's key is queued when the Service changes, or a pod that it selects or selected changes in a way that its endpoints show. Syncs
that pods ask for are put off a little when the Service is large, so that one write answers many pods.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wherry.api.objects import Obj, key, labels, namespace
from wherry.api.resources import resource
from wherry.client.informer import Informer
from wherry.kit.queue import WorkQueue
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.networking.endpoints import pods as endpoint_pods
from wherry.rules.networking.endpoints.pods import TriggerTimes

SERVICES = resource("services")
PODS = resource("pods")
#: pods from which on syncs are put off, and seconds per pod
LARGE = 50
DELAY_PER_POD = 0.0002


def by_label(pod: Obj) -> Iterable[str]:
    within = namespace(pod)
    return [f"{within}/{label}={value}" for label, value in labels(pod).items()]


def _by_selector(service: Obj) -> Iterable[str]:
    """One label that a pod has to have: whatever the Service selects is found under it."""
    chosen = service["spec"].get("selector")
    return [f"{namespace(service)}/{label}={value}" for label, value in list(chosen.items())[:1]] if chosen else ()


class ServiceController(Controller):
    """Its keys are those of Services."""

    def __init__(self, parts: Parts, queue: WorkQueue[str] | None = None) -> None:
        super().__init__(parts)
        self.queue = queue if queue is not None else self.queue
        self._times: dict[str, TriggerTimes] = {}
        self._sizes: dict[str, int] = {}
        self.services = self.watch(SERVICES)
        self.services.add_index("selected label", _by_selector)
        self.pods: Informer = self.informer(PODS)
        self.pods.add_index("label", by_label)
        self.pods.add_handler(self._pod_changed)

    def selected_pods(self, service: Obj) -> list[Obj]:
        """The pods that the Service selects, found by the label that fewest pods have; noted as the Service's size."""
        within = namespace(service)
        buckets = (self.pods.by_index("label", f"{within}/{label}={value}") for label, value in service["spec"]["selector"].items())
        found = [pod for pod in min(buckets, key=len) if endpoint_pods.selects(service, labels(pod))]
        self._sizes[key(service)] = len(found)
        return found

    def trigger_time(self, service: Obj, pods: list[Obj]) -> str:
        """When the oldest change happened that the coming write answers to."""
        at = key(service)
        moment, self._times[at] = endpoint_pods.trigger_time(self._times.get(at), service, pods)
        return moment

    def forget(self, at: str) -> None:
        self._times.pop(at, None)
        self._sizes.pop(at, None)

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        for at in self._affected(old, new):
            size = self._sizes.get(at, 0)
            self.queue.add_after(at, size * DELAY_PER_POD if size >= LARGE else 0)

    def _affected(self, old: Obj | None, new: Obj | None) -> Iterator[str]:
        """A pod asks only those Services that one of its labels, old or new, leads to: there may be thousands of others."""
        at = dict.fromkeys(each for pod in (old, new) if pod is not None for each in by_label(pod))
        services = [service for each in at for service in self.services.by_index("selected label", each)]
        yield from map(key, endpoint_pods.affected(services, old, new) if services else ())
