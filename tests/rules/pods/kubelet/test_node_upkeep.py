"""Which images of a node go, and in which order its pods end with it."""

from __future__ import annotations

from typing import Any

from wherry.rules.pods.kubelet import image_collection as images
from wherry.rules.pods.kubelet import node_shutdown
from wherry.rules.pods.kubelet.configuration import NOTHING, ShutdownStep, read
from wherry.rules.pods.kubelet.image_collection import Kept


def ids(found: list[Kept]) -> list[str]:
    return [image.id for image in found]


def test_an_image_is_known_since_it_was_first_seen_and_used_when_it_was_last_seen_in_use() -> None:
    first = images.seen({}, {"a": 1, "b": 2}, {"a"}, 10.0)
    then = images.seen(first, {"a": 1, "b": 2, "c": 3}, {"b"}, 20.0)
    assert then == {"a": Kept("a", 1, 10.0, 10.0), "b": Kept("b", 2, 10.0, 20.0), "c": Kept("c", 3, 20.0, 0.0)}
    assert list(images.seen(then, {"c": 3}, (), 30.0)) == ["c"]


def test_who_was_not_used_for_longest_goes_first_as_far_as_it_takes() -> None:
    config = read({**NOTHING, "imageMinimumGCAge": "10s"})
    found = [Kept("old", 5, 0.0, 1.0), Kept("never", 5, 0.0), Kept("used", 5, 0.0, 100.0), Kept("new", 5, 95.0)]
    there = {image.id: image for image in found}
    assert ids(images.freeing(there, config, 6, 100.0)) == ["never", "old"]
    assert ids(images.freeing(there, config, 5, 100.0)) == ["never"]
    assert ids(images.freeing(there, config, None, 100.0)) == ["never", "old"]


def test_only_a_disk_over_the_high_threshold_is_freed_down_to_the_low_one() -> None:
    config = read({**NOTHING, "imageGCHighThresholdPercent": 85})
    assert images.to_free(config, 160, 1000) == 0
    assert images.to_free(config, 150, 1000) == 50
    assert images.to_free(read(NOTHING), 0, 1000) == 0  # never, where nobody asked for it


def test_an_image_too_old_goes_once_the_node_has_run_as_long() -> None:
    config = read({**NOTHING, "imageMaximumGCAge": "1h", "imageMinimumGCAge": "1m"})
    there = {"a": Kept("a", 1, 0.0, 100.0), "b": Kept("b", 1, 0.0, 7000.0)}
    assert ids(images.too_old(there, config, 7200.0, 0.0)) == ["a"]
    assert images.too_old(there, config, 7200.0, 7000.0) == []


def pod(priority: int | None, grace: int = 30) -> Any:
    return {"spec": {"terminationGracePeriodSeconds": grace, **({"priority": priority} if priority is not None else {})}}


def test_pods_end_by_priority_those_between_two_steps_with_the_lower_one() -> None:
    steps = (ShutdownStep(0, 30.0), ShutdownStep(1000, 20.0), ShutdownStep(100_000, 10.0))
    low, plain, middle, high = pod(-5), pod(None), pod(1500), pod(200_000)
    found = node_shutdown.groups(steps, [high, middle, plain, low])
    assert [(group.seconds, list(group.pods)) for group in found] == [(30.0, [plain, low]), (20.0, [middle]), (10.0, [high])]


def test_a_pod_gets_its_own_time_if_that_is_less_than_its_groups() -> None:
    group = node_shutdown.groups((ShutdownStep(0, 30.0),), [pod(0)])[0]
    assert [node_shutdown.grace(group, each) for each in (pod(0, 5), pod(0, 60))] == [5, 30.0]
