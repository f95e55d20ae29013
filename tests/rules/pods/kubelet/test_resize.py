"""What a change of a running pod's resources comes to."""

from __future__ import annotations

from typing import Any

from wherry.rules.pods.kubelet import resize


def spec(cpu: str, **container: Any) -> Any:
    return {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}, **container}]}


def test_a_node_gives_what_is_left_beside_its_other_pods() -> None:
    others = [spec("1"), spec("500m")]
    assert resize.shortage(spec("500m"), others, {"cpu": "2"}) is None
    assert resize.shortage(spec("501m"), others, {"cpu": "2"}) == resize.Refusal(
        "OutOfcpu", "Node didn't have enough resource: cpu, requested: 501, used: 1500, capacity: 2000"
    )


def test_a_refusal_for_want_of_room_is_deferred_any_other_infeasible() -> None:
    assert [resize.Refusal(reason, "").shown for reason in ("OutOfmemory", "Infeasible")] == ["Deferred", "Infeasible"]


def test_only_a_resource_that_changed_asks_for_a_new_start() -> None:
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}, {"resourceName": "cpu", "restartPolicy": "NotRequired"}]
    container = {"resizePolicy": policy, "resources": {"requests": {"cpu": "2", "memory": "1Mi"}}}
    assert not resize.restarts(container, {"requests": {"cpu": "1", "memory": "1Mi"}})
    assert resize.restarts(container, {"requests": {"cpu": "2"}})


def test_an_event_tells_the_whole_of_what_is_asked() -> None:
    pod = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"memory": "2Mi", "cpu": "1"}, "limits": {"cpu": "1"}}}]}}
    assert resize.told("Pod resize started", pod, 2) == (
        'Pod resize started: {"containers":[{"name":"c","resources":'
        '{"limits":{"cpu":"1"},"requests":{"cpu":"1","memory":"2Mi"}}}],"generation":2}'
    )
    assert resize.told("Pod resize error", {"spec": {"containers": []}}, 2, "no").endswith('"generation":2,"error":"no"}')
