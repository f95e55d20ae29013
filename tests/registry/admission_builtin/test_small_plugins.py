"""Default classes, RuntimeClass, Priority, protection finalizers, taints of new nodes, claims that grow."""

from __future__ import annotations

import pytest

from tests.registry.admission_builtin.registry_world import Body, World, pod, run
from wherry.api.errors import Forbidden, Invalid

CLAIM: Body = {"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}


async def _storage_class(world: World, name: str, **more: object) -> None:
    notes = {"storageclass.kubernetes.io/is-default-class": "true"}
    await world.create("storageclasses.storage.k8s.io", {"metadata": {"name": name, "annotations": notes}, "provisioner": "p", **more})


def test_a_claim_gets_the_newest_default_class_and_the_finalizer() -> None:
    async def test(world: World) -> None:
        assert "storageClassName" not in (await world.create("persistentvolumeclaims", CLAIM))["spec"]
        await _storage_class(world, "z")
        await _storage_class(world, "y")
        world.now += 10
        await _storage_class(world, "zz")
        made = await world.create("persistentvolumeclaims", {**CLAIM, "metadata": {"name": "d"}})
        assert made["spec"]["storageClassName"] == "zz"
        assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
        none = {"metadata": {"name": "e"}, "spec": {**CLAIM["spec"], "storageClassName": ""}}
        assert (await world.create("persistentvolumeclaims", none))["spec"]["storageClassName"] == ""

    run(test)


def test_an_ingress_gets_the_default_class() -> None:
    async def test(world: World) -> None:
        notes = {"ingressclass.kubernetes.io/is-default-class": "true"}
        spec = {"controller": "example.com/c"}
        await world.create("ingressclasses.networking.k8s.io", {"metadata": {"name": "i", "annotations": notes}, "spec": spec})
        backend = {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
        made = await world.create("ingresses.networking.k8s.io", {"metadata": {"name": "x"}, "spec": backend})
        assert made["spec"]["ingressClassName"] == "i"

    run(test)


def test_a_runtime_class_sets_overhead_and_where_the_pod_runs() -> None:
    scheduling = {"nodeSelector": {"sandbox": "yes"}, "tolerations": [{"key": "sandbox", "operator": "Exists"}]}
    overhead = {"podFixed": {"cpu": "10m"}}

    async def test(world: World) -> None:
        body = {"metadata": {"name": "r"}, "handler": "h", "overhead": overhead, "scheduling": scheduling}
        await world.create("runtimeclasses.node.k8s.io", body)
        spec = (await world.create("pods", pod(runtimeClassName="r")))["spec"]
        assert (spec["overhead"], spec["nodeSelector"]) == ({"cpu": "10m"}, {"sandbox": "yes"})
        assert {"key": "sandbox", "operator": "Exists"} in spec["tolerations"]
        for bad, why in (
            (pod("q", runtimeClassName="none"), 'pod rejected: RuntimeClass "none" not found'),
            (pod("q", overhead={"cpu": "1"}), "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"),
            (
                pod("q", runtimeClassName="r", overhead={"cpu": "1"}),
                "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
            ),
            (
                pod("q", runtimeClassName="r", nodeSelector={"sandbox": "no"}),
                "conflict: runtimeClass.scheduling.nodeSelector[sandbox] = yes; pod.spec.nodeSelector[sandbox] = no",
            ),
        ):
            with pytest.raises(Forbidden) as refused:
                await world.create("pods", bad)
            assert refused.value.message == f'pods "q" is forbidden: {why}'

    run(test)


def test_priorities_come_from_classes_and_only_one_is_the_default() -> None:
    async def test(world: World) -> None:
        body = {"metadata": {"name": "high"}, "value": 7, "globalDefault": True, "preemptionPolicy": "Never"}
        await world.create("priorityclasses.scheduling.k8s.io", body)
        spec = (await world.create("pods", pod()))["spec"]
        assert (spec["priorityClassName"], spec["priority"], spec["preemptionPolicy"]) == ("high", 7, "Never")
        with pytest.raises(Forbidden, match="PriorityClass high is already marked as default"):
            await world.create("priorityclasses.scheduling.k8s.io", {**body, "metadata": {"name": "higher"}})
        with pytest.raises(Forbidden, match="no PriorityClass with name low was found"):
            await world.create("pods", pod("q", priorityClassName="low"))

    run(test)


def test_a_new_node_is_not_ready_yet() -> None:
    async def test(world: World) -> None:
        made = await world.create("nodes", {"metadata": {"name": "n"}})
        assert made["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]

    run(test)


def test_only_bound_claims_of_a_class_that_allows_it_grow() -> None:
    more = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}

    async def test(world: World) -> None:
        await _storage_class(world, "fixed")
        await world.create("persistentvolumeclaims", CLAIM)
        with pytest.raises(Invalid, match="spec is immutable after creation except"):
            await world.patch("persistentvolumeclaims", "c", more)
        await world.patch("persistentvolumeclaims", "c", {"status": {"phase": "Bound"}}, "status")
        with pytest.raises(Forbidden, match="only dynamically provisioned pvc can be resized"):
            await world.patch("persistentvolumeclaims", "c", more)
        await world.patch("storageclasses.storage.k8s.io", "fixed", {"allowVolumeExpansion": True})
        assert (await world.patch("persistentvolumeclaims", "c", more))["spec"]["resources"]["requests"]["storage"] == "2Gi"

    run(test)


def test_a_bound_pod_carries_the_zone_of_its_node() -> None:
    async def test(world: World) -> None:
        zone = {"topology.kubernetes.io/zone": "z"}
        await world.create("nodes", {"metadata": {"name": "n", "labels": {**zone, "other": "x"}}})
        await world.create("pods", pod())
        await world.create("pods", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}}, "p", "binding")
        assert (await world.get("pods", "p"))["metadata"]["labels"] == zone
        assert (await world.create("pods", pod("q", nodeName="n")))["metadata"]["labels"] == zone

    run(test)


def test_an_update_with_other_tolerations_keeps_those_of_node_trouble() -> None:
    async def test(world: World) -> None:
        made = await world.create("pods", pod())
        own = {"key": "own", "operator": "Exists", "effect": "NoSchedule"}
        changed = await world.patch("pods", "p", {"spec": {"tolerations": [own]}})
        assert changed["spec"]["tolerations"] == [own, *made["spec"]["tolerations"]]
        assert [each["tolerationSeconds"] for each in made["spec"]["tolerations"]] == [300, 300]

    run(test)
