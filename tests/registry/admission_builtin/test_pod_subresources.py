"""The subresources of pods that change a pod that runs: ephemeralcontainers and resize."""

from __future__ import annotations

import pytest

from tests.registry.admission_builtin.registry_world import Body, World, pod, run
from wherry.api.errors import Forbidden, Invalid


def _cpu(amount: str) -> Body:
    return {"requests": {"cpu": amount}}


def _resized(**resources: Body) -> Body:
    return {"spec": {"containers": [{"name": "c", "image": "other", "resources": resources}]}, "metadata": {"labels": {"x": "y"}}}


def test_a_resize_changes_cpu_and_memory_and_nothing_else() -> None:
    async def test(world: World) -> None:
        await world.create("pods", pod(resources=_cpu("1")))
        made = await world.patch("pods", "p", _resized(requests={"cpu": "2"}), "resize")
        container = made["spec"]["containers"][0]
        assert (container["resources"], container["image"], made["metadata"].get("labels")) == (_cpu("2"), "i", None)
        assert made["metadata"]["generation"] == 2

    run(test)


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (_resized(), "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"),
        (_resized(requests={"cpu": "1", "ephemeral-storage": "1"}), "spec: Forbidden: only cpu and memory resources are mutable"),
        (
            {"spec": {"containers": [{"name": "d", "image": "i"}]}},
            "spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize",
        ),
        (_resized(requests={"cpu": "1"}, limits={"cpu": "1", "memory": "1Gi"}), "Pod QOS Class may not change as a result of resizing"),
    ],
)
def test_what_a_resize_may_not_change(patch: Body, why: str) -> None:
    guaranteed = {"requests": {"cpu": "1"}}

    async def test(world: World) -> None:
        first = guaranteed if "QOS" not in why else None
        await world.create("pods", pod(resources=first))
        with pytest.raises(Invalid) as refused:
            await world.patch("pods", "p", patch, "resize")
        assert why in refused.value.message

    run(test)


def test_a_node_must_have_what_a_resize_asks_for() -> None:
    async def test(world: World) -> None:
        await world.create("nodes", {"metadata": {"name": "n"}})
        await world.patch("nodes", "n", {"status": {"allocatable": {"cpu": "4", "memory": "1Gi"}}}, "status")
        await world.create("pods", pod(resources=_cpu("1"), nodeName="n"))
        await world.patch("pods", "p", _resized(requests={"cpu": "4"}), "resize")
        with pytest.raises(Forbidden) as refused:
            await world.patch("pods", "p", _resized(requests={"cpu": "5"}), "resize")
        why = "node didn't have enough allocatable resources: cpu, requested: 5000, allocatable: 4000"
        assert refused.value.message == f'pods "p" is forbidden: {why}'

    run(test)


def test_ephemeral_containers_are_added_and_stay_as_they_are() -> None:
    async def test(world: World) -> None:
        await world.create("pods", pod())
        debug = {"name": "debug", "image": "busybox"}
        made = await world.patch("pods", "p", {"spec": {"ephemeralContainers": [debug], "hostNetwork": True}}, "ephemeralcontainers")
        assert made["spec"]["ephemeralContainers"][0]["image"] == "busybox"
        assert "hostNetwork" not in made["spec"]
        assert (await world.get("pods", "p", "ephemeralcontainers"))["kind"] == "Pod"
        for changed, why in (([], "may not be removed"), ([{**debug, "image": "other"}], "may not be changed")):
            with pytest.raises(Invalid, match=f'existing ephemeral containers "debug" {why}'):
                await world.patch("pods", "p", {"spec": {"ephemeralContainers": changed}}, "ephemeralcontainers")

    run(test)
