"""NodeRestriction: what a node may write of its own pods, of others', and of what belongs to the node."""

from __future__ import annotations

import pytest

from tests.registry.admission_builtin.registry_world import SPACE, Body, World, pod, run
from wherry.api.errors import Forbidden
from wherry.api.options import DEFAULT_WRITE, MERGE_PATCH, DeleteOptions, User
from wherry.registry.registry import Registry

NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))


async def _pods(world: World) -> Registry:
    """A pod on n1 called mine, one on n2 called other, and one that is nowhere yet."""
    for name in ("n1", "n2"):
        await world.create("nodes", {"metadata": {"name": name}})
    await world.create("pods", pod("mine", nodeName="n1"))
    await world.create("pods", pod("other", nodeName="n2"))
    await world.create("pods", pod("pending"))
    return world.registry


def test_a_node_deletes_its_own_pods_only() -> None:
    async def test(world: World) -> None:
        registry = await _pods(world)
        for name in ("other", "pending"):
            with pytest.raises(Forbidden, match=r'node "n1" can only delete pods with spec.nodeName set to itself'):
                await registry.delete(world.target("pods", name), DeleteOptions(), NODE)
            assert "deletionTimestamp" not in (await world.get("pods", name))["metadata"]
        await registry.delete(world.target("pods", "mine"), DeleteOptions(grace_period_seconds=0), NODE)
        with pytest.raises(Exception, match='pods "mine" not found'):
            await world.get("pods", "mine")

    run(test)


def test_a_node_evicts_its_own_pods_only() -> None:
    async def test(world: World) -> None:
        registry = await _pods(world)
        body: Body = {"metadata": {"name": "other", "namespace": SPACE}}
        with pytest.raises(Forbidden, match=r"node n1 can only evict pods with spec.nodeName set to itself"):
            await registry.create(world.target("pods", "other", "eviction"), body, DEFAULT_WRITE, NODE)
        await registry.create(world.target("pods", "mine", "eviction"), {"metadata": {"name": "mine"}}, DEFAULT_WRITE, NODE)
        assert "deletionTimestamp" in (await world.get("pods", "mine"))["metadata"]

    run(test)


@pytest.mark.parametrize("name", ["other", "pending"])
def test_a_node_writes_the_status_of_its_own_pods_only(name: str) -> None:
    async def test(world: World) -> None:
        registry = await _pods(world)
        change: Body = {"status": {"phase": "Running"}}
        with pytest.raises(Forbidden, match=r"can only update pod status for pods with spec.nodeName set to itself"):
            await registry.patch(world.target("pods", name, "status"), MERGE_PATCH, change, DEFAULT_WRITE, NODE)
        await registry.patch(world.target("pods", "mine", "status"), MERGE_PATCH, change, DEFAULT_WRITE, NODE)
        assert (await world.get("pods", "mine"))["status"]["phase"] == "Running"
        labelled: Body = {"metadata": {"labels": {"a": "b"}}, **change}
        with pytest.raises(Forbidden, match="cannot update labels through pod status"):
            await registry.patch(world.target("pods", "mine", "status"), MERGE_PATCH, labelled, DEFAULT_WRITE, NODE)

    run(test)


def test_a_node_changes_no_pod_and_binds_none() -> None:
    async def test(world: World) -> None:
        registry = await _pods(world)
        change: Body = {"spec": {"activeDeadlineSeconds": 5}}
        with pytest.raises(Forbidden, match='unexpected operation "UPDATE", node "n1" can only create and delete mirror pods'):
            await registry.patch(world.target("pods", "mine"), MERGE_PATCH, change, DEFAULT_WRITE, NODE)
        binding: Body = {"metadata": {"name": "pending"}, "target": {"kind": "Node", "name": "n1"}}
        with pytest.raises(Forbidden, match=r'unexpected pod subresource "binding", only .status. and .eviction. are allowed'):
            await registry.create(world.target("pods", "pending", "binding"), binding, DEFAULT_WRITE, NODE)

    run(test)


MIRROR = "kubernetes.io/config.mirror"
_OWNER: Body = {"apiVersion": "v1", "kind": "Node", "name": "n1", "controller": True}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"annotations": {}}, "pod does not have .* annotation, node \"n1\" can only create mirror pods"),
        ({"nodeName": "n2"}, "can only create pods with spec.nodeName set to itself"),
        ({"owner": {"name": "n2"}}, "can only create pods with an owner reference set to itself"),
        ({"owner": {"controller": False}}, "can only create pods with a controller owner reference set to itself"),
        ({"owner": {"blockOwnerDeletion": True}}, "must not set blockOwnerDeletion on an owner reference"),
        ({"owner": {"uid": "else"}}, "node n1 UID mismatch: expected else got"),
        ({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}, 'node "n1" can not create pods that reference secrets'),
    ],
)
def test_a_mirror_pod_is_of_the_node_and_uses_nothing(change: Body, why: str) -> None:
    async def test(world: World) -> None:
        await _pods(world)
        uid = (await world.get("nodes", "n1"))["metadata"]["uid"]

        def mirror(annotations: Body | None = None, owner: Body | None = None, **spec: object) -> Body:
            made = pod("m", **{"nodeName": "n1", "automountServiceAccountToken": False, **spec})
            made["metadata"]["annotations"] = {MIRROR: "x"} if annotations is None else annotations
            made["metadata"]["ownerReferences"] = [{**_OWNER, "uid": uid, **(owner or {})}]
            return made

        target = world.target("pods")
        with pytest.raises(Forbidden, match=why):
            await world.registry.create(target, mirror(**change), DEFAULT_WRITE, NODE)
        await world.registry.create(target, mirror(), DEFAULT_WRITE, NODE)

    run(test)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"metadata": {"labels": {"node-restriction.kubernetes.io/x": "y"}}}, "is not allowed to modify labels: node-restriction"),
        ({"metadata": {"labels": {"x.k8s.io/y": "z"}}}, "is not allowed to modify labels: x.k8s.io/y"),
        ({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}, 'node "n1" is not allowed to modify taints'),
        ({"metadata": {"ownerReferences": [{**_OWNER, "uid": "u"}]}}, "is not allowed to modify ownerReferences"),
    ],
)
def test_a_node_changes_of_itself_what_is_not_for_others_to_trust(change: Body, why: str) -> None:
    async def test(world: World) -> None:
        registry = await _pods(world)
        with pytest.raises(Forbidden, match=why):
            await registry.patch(world.target("nodes", "n1"), MERGE_PATCH, change, DEFAULT_WRITE, NODE)
        fine: Body = {"metadata": {"labels": {"kubernetes.io/hostname": "h", "mine": "y", "node.kubernetes.io/z": "1"}}}
        await registry.patch(world.target("nodes", "n1"), MERGE_PATCH, fine, DEFAULT_WRITE, NODE)
        with pytest.raises(Forbidden, match='node "n1" is not allowed to modify node "n2"'):
            await registry.patch(world.target("nodes", "n2"), MERGE_PATCH, fine, DEFAULT_WRITE, NODE)

    run(test)


@pytest.mark.parametrize(
    ("namespace", "name", "why"),
    [
        (SPACE, "n1", 'can only access leases in the "kube-node-lease" system namespace'),
        ("kube-node-lease", "n2", "can only access node lease with the same name as the requesting node"),
        ("kube-node-lease", "n1", ""),
    ],
)
def test_a_nodes_lease_is_its_own(namespace: str, name: str, why: str) -> None:
    async def test(world: World) -> None:
        await world.create("namespaces", {"metadata": {"name": "kube-node-lease"}})
        target = world.target("leases.coordination.k8s.io", namespace=namespace)
        body: Body = {"metadata": {"name": name}, "spec": {}}
        if why:
            with pytest.raises(Forbidden, match=why):
                await world.registry.create(target, body, DEFAULT_WRITE, NODE)
        else:
            await world.registry.create(target, body, DEFAULT_WRITE, NODE)

    run(test)
