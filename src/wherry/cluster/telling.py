"""What a cluster tells of itself besides logs: the metrics of its parts under the reference's names, and the views below `/debug/`.

Called by `serving` when the server is built; asked by the server for each request to `/metrics` and `/debug/`. Nothing is counted here: the
parts count, this names. What the reference has no name for begins with `wherry_`.
Source of the names: k8s.io/component-base/metrics/prometheus/workqueue, pkg/scheduler/metrics, k8s.io/apiserver/pkg/storage/etcd3/metrics,
client-go/tools/cache (reflector).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from types import CodeType
from typing import TYPE_CHECKING, Any

from wherry.kit.metrics import Family, Histogram

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.kit.queue import WorkQueue
    from wherry.reconcile.controller import Controller
    from wherry.scheduler.scheduler import Scheduler


def families(cluster: Cluster) -> Iterator[Family]:
    """All metrics of the parts that run now."""
    yield from _queues(_work_queues(cluster))
    yield from _informers(cluster)
    yield from _store(cluster)
    yield from _scheduler(cluster.scheduler)
    if cluster.names is not None:
        yield from cluster.names.families()
    if cluster.outbound is not None:
        yield from cluster.outbound.families()
    if cluster.ingress is not None:
        yield from cluster.ingress.families()
    running = {("kube-controller-manager", name): 1.0 for name in _running(cluster)}
    yield Family("gauge", "running_managed_controllers", "Indicates where instances of a controller are currently running",
                 ("manager", "name"), running.items())  # fmt: skip
    failures = {(name,): float(count) for name, count in _failures(cluster).items()}
    yield Family("gauge", "wherry_task_failures", "Failures in a row of a supervised part", ("name",), failures.items())


def views(cluster: Cluster) -> Mapping[str, Callable[[], Any]]:
    """What `/debug/` shows: name -> a JSON value, made when asked for."""
    return {
        "tasks": tasks,
        "queues": lambda: {name: _queue_view(queue) for name, queue in sorted(_work_queues(cluster).items())},
        "informers": lambda: _informer_view(cluster),
        "components": lambda: _component_view(cluster),
    }


# --- metrics ---
def _running(cluster: Cluster) -> dict[str, Controller]:
    return cluster.on_demand.running if cluster.on_demand is not None else {}


def _work_queues(cluster: Cluster) -> dict[str, WorkQueue[str]]:
    """By the names that the reference's queues have: its deployment-controller calls its own `deployment`."""
    return {name.removesuffix("-controller"): each.queue for name, each in _running(cluster).items()}


def _queues(queues: dict[str, WorkQueue[str]]) -> Iterator[Family]:
    busy = {name: queue.in_work() for name, queue in queues.items()}

    def each(of: Callable[[str, WorkQueue[str]], float | Histogram]) -> list[tuple[tuple[str], float | Histogram]]:
        return [((name,), of(name, queue)) for name, queue in queues.items()]

    label = ("name",)
    yield Family("gauge", "workqueue_depth", "Current depth of workqueue", label, each(lambda name, queue: float(len(queue))))
    yield Family("counter", "workqueue_adds", "Total number of adds handled by workqueue", label, each(lambda name, q: float(q.adds)))
    yield Family("counter", "workqueue_retries", "Total number of retries handled by workqueue", label,
                 each(lambda name, queue: float(queue.retries)))  # fmt: skip
    yield Family("histogram", "workqueue_queue_duration_seconds", "How long in seconds an item stays in workqueue before being requested.",
                 label, each(lambda name, queue: queue.waited))  # fmt: skip
    yield Family("histogram", "workqueue_work_duration_seconds", "How long in seconds processing an item from workqueue takes.", label,
                 each(lambda name, queue: queue.worked))  # fmt: skip
    yield Family("gauge", "workqueue_unfinished_work_seconds", "How many seconds of work has been done that is in progress and hasn't been "
                 "observed by work_duration.", label, each(lambda name, queue: sum(busy[name].values())))  # fmt: skip
    yield Family("gauge", "workqueue_longest_running_processor_seconds", "How many seconds has the longest running processor for workqueue "
                 "been running.", label, each(lambda name, queue: max(busy[name].values(), default=0.0)))  # fmt: skip


def _informers(cluster: Cluster) -> Iterator[Family]:
    informers = {(str(each.scope),): each for each in cluster.informers.all()}
    label = ("name",)
    yield Family("counter", "reflector_lists", "Total number of API lists done by the reflectors", label,
                 [(name, float(each.lists)) for name, each in informers.items()])  # fmt: skip
    yield Family("counter", "reflector_watches", "Total number of API watches done by the reflectors", label,
                 [(name, float(each.watches)) for name, each in informers.items()])  # fmt: skip
    yield Family("counter", "wherry_informer_events", "Events that came of the informers' watches", label,
                 [(name, float(each.events)) for name, each in informers.items()])  # fmt: skip
    yield Family("gauge", "wherry_informer_objects", "Objects that an informer knows", label,
                 [(name, float(len(each))) for name, each in informers.items()])  # fmt: skip


def _store(cluster: Cluster) -> Iterator[Family]:
    store = cluster.store
    sizes = {(row.group, row.plural): float(store.size(row.group_resource)) for row in cluster.registry.table}
    yield Family("gauge", "apiserver_resource_objects", "Number of stored objects at the time of last check split by kind.",
                 ("group", "resource"), sizes.items())  # fmt: skip
    yield Family("gauge", "wherry_store_revision", "The newest revision", (), [((), float(store.revision))])
    yield Family("gauge", "wherry_store_failed", "1 while nothing can be written", (), [((), float(bool(store.failure)))])
    commits = getattr(store, "commits", None)
    if commits is not None:
        yield Family("histogram", "etcd_request_duration_seconds", "Latency of commits of the store, each of all writes that waited",
                     ("operation", "type"), [(("commit", ""), commits)])  # fmt: skip


_PLACES = {"active": "active", "working": "active", "backoff": "backoff", "parked": "unschedulable"}


def _scheduler(scheduler: Scheduler | None) -> Iterator[Family]:
    if scheduler is None:
        return
    pending = dict.fromkeys((("active",), ("backoff",), ("unschedulable",)), 0.0)
    for place, count in scheduler.queue.places().items():
        pending[_PLACES[place],] += count
    yield Family("gauge", "scheduler_pending_pods", "Number of pending pods, by the queue type.", ("queue",), pending.items())
    yield Family("counter", "scheduler_schedule_attempts", "Number of attempts to schedule pods, by the result.", ("result", "profile"),
                 [(at, float(count)) for at, count in scheduler.attempts.ended.items()])  # fmt: skip
    yield Family("histogram", "scheduler_scheduling_algorithm_duration_seconds", "Scheduling algorithm latency in seconds", (),
                 [((), scheduler.attempts.decided)])  # fmt: skip


def _failures(cluster: Cluster) -> dict[str, int]:
    return {each.name: cluster.health.failures(each.name) for each in cluster.components}


# --- views ---
def _queue_view(queue: WorkQueue[str]) -> dict[str, Any]:
    ready, later = queue.waiting()
    failed = {key: count for key in {*ready, *later, *queue.in_work()} if (count := queue.failures(key))}
    return {"ready": ready, "inWork": queue.in_work(), "later": later, "failures": failed}


def _informer_view(cluster: Cluster) -> list[dict[str, Any]]:
    found = [
        {"name": str(each.scope), "objects": len(each), "lists": each.lists, "watches": each.watches, "events": each.events}
        for each in cluster.informers.all()
    ]
    return sorted(found, key=lambda view: str(view["name"]))


def _component_view(cluster: Cluster) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "user": each.user.name, "health": each.health() or "ok", "failures": cluster.health.failures(each.name)}
        for each in cluster.components
    ]


def tasks() -> list[dict[str, str]]:
    """Every task of the loop and where it waits: the function innermost in its chain of awaits."""
    found = [{"name": task.get_name(), "waitsIn": _where(task.get_coro())} for task in asyncio.all_tasks()]
    return sorted(found, key=lambda view: (view["name"], view["waitsIn"]))


def _where(waiting: Any) -> str:
    code: CodeType | None = None
    line = 0
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "ag_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is not None:
            code, line = frame.f_code, frame.f_lineno
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "ag_await", None) or getattr(waiting, "gi_yieldfrom", None)
    if code is None:
        return ""
    return f"{code.co_qualname} ({'/'.join(code.co_filename.rsplit('/', 2)[-2:])}:{line})"
