"""When a node is short of something, who goes first, and the words for it."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.rules.pods.kubelet import eviction
from wherry.rules.pods.kubelet.configuration import NOTHING, read
from wherry.rules.pods.kubelet.eviction import ContainerUse, Observation, PodUse, Watched

MI = 1 << 20


def configured(**fields: Any) -> Any:
    return read({**NOTHING, **fields})


def pod(name: str, *, memory: str = "", disk: str = "", priority: int = 0, **spec: Any) -> Any:
    requests = {**({"memory": memory} if memory else {}), **({"ephemeral-storage": disk} if disk else {})}
    container = {"name": "c", "resources": {"requests": requests} if requests else {}}
    return {"metadata": {"name": name, "namespace": "n", "uid": name}, "spec": {"containers": [container], "priority": priority, **spec}}


def uses(**amounts: int) -> dict[str, PodUse]:
    return {name: PodUse({"c": ContainerUse(memory=amount, written=amount)}) for name, amount in amounts.items()}


def names(pods: list[Any]) -> list[str]:
    return [each["metadata"]["name"] for each in pods]


def test_a_hard_threshold_is_pressure_at_once_and_what_is_left_counts_against_it() -> None:
    hard = configured(evictionHard={"memory.available": "100Mi"})
    fine = eviction.look(hard, Watched(), {"memory.available": Observation(100 * MI, 1000 * MI)}, 5.0)
    assert (fine.pressures, fine.starved) == (frozenset(), None)
    short = eviction.look(hard, Watched(), {"memory.available": Observation(100 * MI - 1, 1000 * MI)}, 5.0)
    assert short.pressures == {"MemoryPressure"}
    assert short.starved is not None


def test_a_percentage_is_of_the_capacity() -> None:
    config = configured(evictionHard={"nodefs.available": "10%"})
    assert eviction.look(config, Watched(), {"nodefs.available": Observation(99, 1000)}, 0.0).pressures == {"DiskPressure"}
    assert not eviction.look(config, Watched(), {"nodefs.available": Observation(100, 1000)}, 0.0).pressures


def test_a_soft_threshold_waits_for_its_grace_period_but_the_condition_does_not() -> None:
    config = configured(evictionSoft={"memory.available": "50%"}, evictionSoftGracePeriod={"memory.available": "1m30s"}, evictionHard={})
    low = {"memory.available": Observation(10, 100)}
    first = eviction.look(config, Watched(), low, 0.0)
    assert (first.pressures, first.starved) == ({"MemoryPressure"}, None)
    assert eviction.look(config, first.watched, low, 89.0).starved is None
    assert eviction.look(config, first.watched, low, 90.0).starved is not None


def test_a_pressure_lasts_for_the_transition_period_after_it_was_seen() -> None:
    config = configured(evictionHard={"memory.available": "50%"}, evictionPressureTransitionPeriod="30s")
    seen = eviction.look(config, Watched(), {"memory.available": Observation(10, 100)}, 0.0)
    enough = {"memory.available": Observation(90, 100)}
    later = eviction.look(config, seen.watched, enough, 29.0)
    assert (later.pressures, later.starved) == ({"MemoryPressure"}, None)
    assert not eviction.look(config, later.watched, enough, 30.0).pressures


def test_what_was_met_is_over_only_with_as_much_as_is_to_be_reclaimed() -> None:
    config = configured(evictionHard={"nodefs.available": "10%"}, evictionMinimumReclaim={"nodefs.available": "5%"})
    met = eviction.look(config, Watched(), {"nodefs.available": Observation(9, 100)}, 0.0)
    assert eviction.look(config, met.watched, {"nodefs.available": Observation(14, 100)}, 1.0).starved is not None
    assert eviction.look(config, met.watched, {"nodefs.available": Observation(15, 100)}, 1.0).starved is None


def test_memory_is_freed_before_everything_else() -> None:
    config = configured(evictionHard={"nodefs.available": "90%", "memory.available": "90%"})
    found = eviction.look(config, Watched(), {s: Observation(1, 100) for s in ("nodefs.available", "memory.available")}, 0.0)
    assert found.starved is not None
    assert eviction.resource_of(found.starved) == "memory"
    assert found.pressures == {"MemoryPressure", "DiskPressure"}


def test_who_takes_more_than_it_asked_for_goes_first_then_the_lower_priority_then_who_takes_most_too_much() -> None:
    pods = [pod("fits", memory="100Mi"), pod("important", priority=9), pod("little"), pod("much")]
    taken = uses(fits=90 * MI, important=500 * MI, little=1 * MI, much=50 * MI)
    assert names(eviction.ranked(pods, taken, "memory")) == ["much", "little", "important", "fits"]


def test_disk_is_counted_as_written_logs_and_empty_volumes_on_disk() -> None:
    use = PodUse({"c": ContainerUse(written=1, logs=2)}, {"v": 4}, {"in-memory": 8})
    assert use.disk == 7
    pods = [pod("asked", disk="1Gi"), pod("none")]
    assert names(eviction.ranked(pods, uses(asked=100, none=1), "ephemeral-storage")) == ["none", "asked"]


def test_of_process_numbers_the_priority_counts_first_and_then_how_many() -> None:
    pods = [pod("a"), pod("b"), pod("low", priority=-1)]
    taken = {"a": PodUse(processes=1), "b": PodUse(processes=7), "low": PodUse(processes=1)}
    assert names(eviction.ranked(pods, taken, "pids")) == ["low", "b", "a"]


def test_the_message_names_the_resource_the_threshold_and_the_containers_that_take_more_than_they_asked_for() -> None:
    config = configured(evictionHard={"memory.available": "100Mi"})
    low = {"memory.available": Observation(50 * MI, 1000 * MI)}
    starved = eviction.look(config, Watched(), low, 0.0).starved
    assert starved is not None
    assert eviction.message(pod("p", memory="1Mi"), uses(p=3 * MI)["p"], starved, low) == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
        "Container c was using 3Mi, request is 1Mi, has larger consumption of memory. "
    )


@pytest.mark.parametrize(("use", "text"), [
    (PodUse({}, {"v": 2 * MI}), 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '),
    (PodUse({}, {}, {"v": 2 * MI}), 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '),
    (PodUse({"c": ContainerUse(written=3 * MI)}), "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. "),
    (PodUse({"c": ContainerUse(logs=2 * MI)}, {"v": MI}), "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. "),
    (PodUse({"c": ContainerUse(written=2 * MI)}, {"v": 0}), ""),
])  # fmt: skip
def test_limits_of_local_storage(use: PodUse, text: str) -> None:
    limited = pod("p", volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}])
    limited["spec"]["containers"][0]["resources"] = {"limits": {"ephemeral-storage": "2Mi"}}
    assert eviction.over_limit(limited, use) == text


def test_one_container_over_its_own_limit() -> None:
    two = pod("p")
    two["spec"]["containers"] = [{"name": n, "resources": {"limits": {"ephemeral-storage": m}}} for n, m in (("a", "1Mi"), ("b", "9Mi"))]
    use = PodUse({"a": ContainerUse(written=2 * MI)})
    assert eviction.over_limit(two, use) == 'Container a exceeded its local ephemeral storage limit "1Mi". '


def test_hard_evictions_leave_a_second_soft_ones_what_the_pod_and_the_node_allow() -> None:
    config = configured(evictionSoft={"memory.available": "50%"}, evictionSoftGracePeriod={"memory.available": "1s"},
                        evictionHard={"memory.available": "1Mi"}, evictionMaxPodGracePeriod=20)
    hard, soft = config.thresholds
    assert eviction.grace(config, hard, pod("p", terminationGracePeriodSeconds=30)) == 1
    assert eviction.grace(config, soft, pod("p", terminationGracePeriodSeconds=30)) == 20
    assert eviction.grace(config, soft, pod("p", terminationGracePeriodSeconds=5)) == 5


def test_critical_and_mirror_pods_are_never_thrown_out() -> None:
    assert eviction.is_critical(pod("p", priority=2_000_000_000))
    mirror = pod("p")
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert eviction.is_critical(mirror)
    assert not eviction.is_critical(pod("p", priority=1_000_000_000))


def test_who_is_let_in_under_pressure() -> None:
    memory, disk = frozenset({"MemoryPressure"}), frozenset({"DiskPressure"})
    assert eviction.refusal(pod("p"), memory) == "The node had condition: [MemoryPressure]. "
    assert not eviction.refusal(pod("p", memory="1Mi"), memory)
    assert not eviction.refusal(pod("p", tolerations=[{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}]), memory)
    assert eviction.refusal(pod("p", memory="1Mi"), disk)
    assert not eviction.refusal(pod("p", priority=2_000_000_000), disk)
    assert not eviction.refusal(pod("p"), frozenset())
