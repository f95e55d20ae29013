"""The scheduling queue: order, back-off, and what wakes a pod."""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.demand import Demands, PodInfo
from wherry.scheduler.queue import SchedulingQueue

DEMANDS = Demands()


def info(name: str, priority: int = 0, uid: str = "") -> PodInfo:
    pod: Obj = {"metadata": {"name": name, "namespace": "d", "uid": uid or name}, "spec": {"containers": [], "priority": priority}}
    return DEMANDS.info(pod)


def popped(queue: SchedulingQueue, now: float) -> str:
    found = queue.pop(now)
    return found.key if found else ""


def test_important_pods_first_then_the_older() -> None:
    queue = SchedulingQueue()
    queue.add(info("old"), 1.0)
    queue.add(info("new"), 2.0)
    queue.add(info("high", 10), 3.0)
    assert [popped(queue, 4.0) for _ in range(4)] == ["d/high", "d/old", "d/new", ""]


def test_a_parked_pod_wakes_only_for_what_could_help() -> None:
    queue = SchedulingQueue()
    queue.add(info("p"), 0.0)
    queue.pop(0.0)
    queue.park("d/p", ["NodeAffinity"], 0.0)
    assert not queue.wake(1.0, frozenset({"NodeResourcesFit"}))
    assert popped(queue, 1.0) == ""
    assert queue.wake(1.0)
    assert popped(queue, 1.0) == "d/p"


def test_with_nothing_else_to_do_a_woken_pod_does_not_wait_out_its_back_off() -> None:
    queue = SchedulingQueue()
    queue.add(info("p"), 0.0)
    queue.pop(0.0)
    queue.park("d/p", ["NodeResourcesFit"], 0.0)
    queue.wake(0.1)
    assert popped(queue, 0.1) == "d/p"


def test_after_an_error_the_back_off_doubles_to_ten_seconds() -> None:
    queue = SchedulingQueue()
    queue.add(info("p"), 0.0)
    now, waits = 0.0, []
    for _ in range(6):
        assert popped(queue, now) == "d/p"
        queue.retry("d/p", now)
        assert popped(queue, now) == ""
        due = queue.due()
        assert due is not None
        waits.append(due - now)
        now = due
    assert waits == [1, 2, 4, 8, 10, 10]


def test_a_pod_nothing_woke_is_tried_again_after_five_minutes() -> None:
    queue = SchedulingQueue()
    queue.add(info("p"), 0.0)
    queue.pop(0.0)
    queue.park("d/p", ["NodeAffinity"], 0.0)
    assert queue.due() == 300.0
    queue.wake_stale(300.0)
    assert popped(queue, 300.0) == "d/p"


def test_a_new_pod_of_the_same_name_starts_anew() -> None:
    queue = SchedulingQueue()
    queue.add(info("p", uid="1"), 0.0)
    queue.pop(0.0)
    queue.add(info("p", uid="2"), 1.0)
    queue.remove("d/p", "1")
    found = queue.pop(1.0)
    assert found is not None
    assert found.uid == "2"
    queue.remove("d/p")
    assert queue.idle
