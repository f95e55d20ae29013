"""Storage in a whole cluster on virtual time: claims are served, grow, are protected; pods wait for volumes and go where they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.virtual_time.virtual_cluster import on_cluster, until
from wherry import Cluster
from wherry.api.errors import StatusError
from wherry.api.objects import Obj, annotations_of, name
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.rules.storage.binding import names

CLAIMS, VOLUMES, PODS = resource("persistentvolumeclaims"), resource("persistentvolumes"), resource("pods")
CLASSES, EVENTS, SETS = resource("storageclasses", "storage.k8s.io"), resource("events"), resource("statefulsets", "apps")
NODES, CSI_NODES = resource("nodes"), resource("csinodes", "storage.k8s.io")


def claim(called: str, **spec: Any) -> Obj:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": called}, "spec": {**asked, **spec}}


def volume(called: str, **spec: Any) -> Obj:
    offered = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp/x"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": called}, "spec": {**offered, **spec}}


def pod(called: str, *claims: str, **spec: Any) -> Obj:
    volumes = [{"name": f"v{i}", "persistentVolumeClaim": {"claimName": c}} for i, c in enumerate(claims)]
    body = {"containers": [{"name": "c", "image": "nginx"}], "volumes": volumes, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": called}, "spec": body}


def lazy_class(called: str, provisioner: str = names.HOST_PATH_PROVISIONER, **fields: Any) -> Obj:
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": called}, "provisioner": provisioner}
    return {**head, "volumeBindingMode": "WaitForFirstConsumer", **fields}


async def phase(cluster: Cluster, called: str, wanted: str = "Bound") -> Obj:
    async def reached() -> Any:
        found = await cluster.client.get(CLAIMS, "default", called)
        return found if found["status"]["phase"] == wanted else None

    return (await until(cluster, reached))[0]  # type: ignore[no-any-return]


async def running(cluster: Cluster, called: str) -> Obj:
    async def reached() -> Any:
        found = await cluster.client.get(PODS, "default", called)
        return found if (found.get("status") or {}).get("phase") == "Running" else None

    return (await until(cluster, reached))[0]  # type: ignore[no-any-return]


async def gone(cluster: Cluster, kind: Any, namespace: str, called: str) -> None:
    async def absent() -> bool:
        return called not in [name(o) for o in (await cluster.client.list(kind, namespace)).items]

    await until(cluster, absent)


async def told(cluster: Cluster, about: str) -> list[str]:
    events = (await cluster.client.list(EVENTS)).items
    return [f"{e['reason']}: {e['message']}" for e in events if e["involvedObject"]["name"] == about]


def test_a_claim_without_a_class_gets_a_volume_of_the_standard_one_and_ends_with_it() -> None:
    async def story(cluster: Cluster) -> None:
        created = await cluster.client.create(CLAIMS, "default", claim("data"))
        assert "storageClassName" not in created["spec"]
        bound = await phase(cluster, "data")
        assert bound["spec"]["storageClassName"] == "standard"
        assert bound["metadata"]["finalizers"] == [names.CLAIM_PROTECTION]
        made = await cluster.client.get(VOLUMES, "", bound["spec"]["volumeName"])
        assert annotations_of(made)[names.PROVISIONED_BY] == "wherry.dev/hostpath"
        assert made["spec"]["hostPath"]["path"].endswith(f"{name(made)}_default_data")
        assert made["status"]["lastPhaseTransitionTime"]
        assert f"ProvisioningSucceeded: Successfully provisioned volume {name(made)}" in await told(cluster, "data")
        await cluster.client.delete(CLAIMS, "default", "data")
        await gone(cluster, CLAIMS, "default", "data")
        await gone(cluster, VOLUMES, "", name(made))

    on_cluster(story, nodes=1)


def test_without_the_standard_class_a_claim_waits() -> None:
    async def story(cluster: Cluster) -> None:
        assert not (await cluster.client.list(CLASSES)).items
        await cluster.client.create(CLAIMS, "default", claim("data"))
        await cluster.clock.sleep(40)
        assert (await phase(cluster, "data", "Pending"))["status"] == {"phase": "Pending"}
        assert await told(cluster, "data") == ["FailedBinding: no persistent volumes available for this claim and no storage class is set"]
        await cluster.client.create(VOLUMES, "", volume("late"))
        assert (await phase(cluster, "data"))["spec"]["volumeName"] == "late"

    on_cluster(story, nodes=1, storage_class="")


def test_a_retained_volume_is_released_and_not_given_again() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(VOLUMES, "", volume("kept"))
        await cluster.client.create(CLAIMS, "default", claim("one", storageClassName=""))
        await phase(cluster, "one")
        await cluster.client.delete(CLAIMS, "default", "one")
        await gone(cluster, CLAIMS, "default", "one")
        await cluster.client.create(CLAIMS, "default", claim("two", storageClassName=""))
        await cluster.clock.sleep(20)
        assert (await cluster.client.get(VOLUMES, "", "kept"))["status"]["phase"] == "Released"
        await phase(cluster, "two", "Pending")
        await cluster.client.patch(VOLUMES, "", "kept", {"spec": {"claimRef": None}}, MERGE_PATCH)
        assert (await phase(cluster, "two"))["spec"]["volumeName"] == "kept"

    on_cluster(story, nodes=1)


def test_many_claims_and_volumes_are_all_matched_one_to_one() -> None:
    async def story(cluster: Cluster) -> None:
        for i in range(20):
            await cluster.client.create(VOLUMES, "", volume(f"v{i}", capacity={"storage": f"{i + 1}Gi"}))
        for i in range(20):
            size = {"requests": {"storage": f"{20 - i}Gi"}}
            await cluster.client.create(CLAIMS, "default", claim(f"c{i}", storageClassName="", resources=size))
        taken = {(await phase(cluster, f"c{i}"))["spec"]["volumeName"] for i in range(20)}
        assert len(taken) == 20

    on_cluster(story, nodes=1)


def test_a_claim_grows_when_its_class_allows_it() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(CLAIMS, "default", claim("data"))
        bound = await phase(cluster, "data")
        more = {"spec": {"resources": {"requests": {"storage": "5Gi"}}}}
        await cluster.client.patch(CLAIMS, "default", "data", more, MERGE_PATCH)

        async def grown() -> Any:
            found = await cluster.client.get(CLAIMS, "default", "data")
            return found if found["status"]["capacity"]["storage"] == "5Gi" else None

        found, _ = await until(cluster, grown)
        assert "conditions" not in found["status"]
        assert (await cluster.client.get(VOLUMES, "", bound["spec"]["volumeName"]))["spec"]["capacity"] == {"storage": "5Gi"}
        assert "VolumeResizeSuccessful: Resize volume succeeded" in await told(cluster, "data")

    on_cluster(story, nodes=1)


def test_a_claim_in_use_stays_until_its_pod_is_gone() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(CLAIMS, "default", claim("data"))
        await cluster.client.create(PODS, "default", pod("user", "data"))
        await running(cluster, "user")
        await cluster.client.delete(CLAIMS, "default", "data")
        await cluster.clock.sleep(60)
        assert (await cluster.client.get(CLAIMS, "default", "data"))["metadata"]["deletionTimestamp"]
        await cluster.client.delete(PODS, "default", "user")
        await gone(cluster, CLAIMS, "default", "data")

    on_cluster(story, nodes=1)


def test_a_pod_waits_for_its_claim_and_says_why() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(PODS, "default", pod("eager", "data"))
        await cluster.clock.sleep(30)
        await cluster.client.create(CLAIMS, "default", claim("data", storageClassName=""))
        await cluster.clock.sleep(30)
        waiting = await cluster.client.get(PODS, "default", "eager")
        condition = next(c for c in waiting["status"]["conditions"] if c["type"] == "PodScheduled")
        assert condition["message"] == "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
        assert 'FailedScheduling: 0/2 nodes are available: persistentvolumeclaim "data" not found. not found' in await told(
            cluster, "eager"
        )
        await cluster.client.create(VOLUMES, "", volume("v"))
        await running(cluster, "eager")

    on_cluster(story, nodes=2)


def test_a_pod_that_names_its_node_waits_there() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(PODS, "default", pod("direct", "data", nodeName="sim-0"))
        await cluster.clock.sleep(5)
        assert (await cluster.client.get(PODS, "default", "direct"))["status"]["phase"] == "Pending"
        assert "FailedMount" in " ".join(await told(cluster, "direct"))
        await cluster.client.create(CLAIMS, "default", claim("data"))
        await running(cluster, "direct")

    on_cluster(story, nodes=1)


def test_the_first_consumer_decides_where_the_volume_is_made() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(CLASSES, "", lazy_class("local"))
        await cluster.client.create(CLAIMS, "default", claim("data", storageClassName="local"))
        await cluster.clock.sleep(5)
        assert await told(cluster, "data") == ["WaitForFirstConsumer: waiting for first consumer to be created before binding"]
        await cluster.client.create(PODS, "default", pod("first", "data", nodeSelector={"kubernetes.io/hostname": "sim-2"}))
        await running(cluster, "first")
        bound = await phase(cluster, "data")
        assert annotations_of(bound)[names.SELECTED_NODE] == "sim-2"
        # the next pod has to go where the volume is
        await cluster.client.create(PODS, "default", pod("second", "data"))
        assert (await running(cluster, "second"))["spec"]["nodeName"] == "sim-2"
        await cluster.client.create(PODS, "default", pod("third", "data", nodeSelector={"kubernetes.io/hostname": "sim-0"}))
        await cluster.clock.sleep(5)
        text = " ".join(await told(cluster, "third"))
        assert "1 node(s) didn't match PersistentVolume's node affinity" in text

    on_cluster(story, nodes=3)


def test_local_volumes_are_chosen_by_node_and_never_twice() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(CLASSES, "", lazy_class("disks", "kubernetes.io/no-provisioner"))
        for i in range(3):
            where = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [f"sim-{i}"]}]}]
            here = {"required": {"nodeSelectorTerms": where}}
            local = {"hostPath": None, "local": {"path": "/disk"}, "nodeAffinity": here, "storageClassName": "disks"}
            await cluster.client.create(VOLUMES, "", volume(f"disk-{i}", **local))
        for i in range(4):
            await cluster.client.create(CLAIMS, "default", claim(f"c{i}", storageClassName="disks"))
            await cluster.client.create(PODS, "default", pod(f"p{i}", f"c{i}"))
        await cluster.clock.sleep(60)
        pods = {name(p): p for p in (await cluster.client.list(PODS)).items}
        placed = [n for n, p in pods.items() if p["spec"].get("nodeName")]
        assert len(placed) == 3
        for called in placed:
            used = (await phase(cluster, f"c{called[1:]}"))["spec"]["volumeName"]
            assert used == f"disk-{pods[called]['spec']['nodeName'][-1]}"
        (left,) = set(pods) - set(placed)
        text = "3 node(s) didn't find available persistent volumes to bind"
        assert text in " ".join(await told(cluster, left))
        # a volume that comes free is for the one that waits
        await cluster.client.create(VOLUMES, "", volume("more", storageClassName="disks"))
        await running(cluster, left)

    on_cluster(story, nodes=3)


def test_a_claim_for_one_pod_is_for_one_pod() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(CLAIMS, "default", claim("mine", accessModes=["ReadWriteOncePod"]))
        await phase(cluster, "mine")
        await cluster.client.create(PODS, "default", pod("one", "mine"))
        await running(cluster, "one")
        await cluster.client.create(PODS, "default", pod("two", "mine"))
        await cluster.clock.sleep(5)
        assert "ReadWriteOncePod access mode already in-use by another pod" in " ".join(await told(cluster, "two"))
        await cluster.client.delete(PODS, "default", "one")
        await running(cluster, "two")

    on_cluster(story, nodes=2)


def test_zones_and_limits_of_volumes_are_kept() -> None:
    async def story(cluster: Cluster) -> None:
        for i in range(2):
            zone = {"metadata": {"labels": {"topology.kubernetes.io/zone": f"z{i}"}}}
            await cluster.client.patch(NODES, "", f"sim-{i}", zone, MERGE_PATCH)
            driver = {"name": "disk.example.com", "nodeID": f"sim-{i}", "topologyKeys": None, "allocatable": {"count": 1}}
            head = {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": f"sim-{i}"}}
            await cluster.client.create(CSI_NODES, "", {**head, "spec": {"drivers": [driver]}})
        for i in range(2):
            csi = {"hostPath": None, "csi": {"driver": "disk.example.com", "volumeHandle": f"h{i}"}}
            disk = volume(f"d{i}", claimRef={"namespace": "default", "name": f"c{i}"}, **csi)
            disk["metadata"]["labels"] = {"topology.kubernetes.io/zone": "z1"}
            await cluster.client.create(VOLUMES, "", disk)
            await cluster.client.create(CLAIMS, "default", claim(f"c{i}", storageClassName="", volumeName=f"d{i}"))
            await phase(cluster, f"c{i}")
        await cluster.client.create(PODS, "default", pod("p0", "c0"))
        assert (await running(cluster, "p0"))["spec"]["nodeName"] == "sim-1"
        await cluster.client.create(PODS, "default", pod("p1", "c1"))
        await cluster.clock.sleep(5)
        (text,) = [t for t in await told(cluster, "p1") if "FailedScheduling" in t]
        assert "1 node(s) exceed max volume count, 1 node(s) had no available volume zone" in text
        await cluster.client.delete(PODS, "default", "p0")
        await running(cluster, "p1")

    on_cluster(story, nodes=2)


def test_a_stateful_set_with_claims_works_out_of_the_box_and_keeps_to_its_retention_policy() -> None:
    labels = {"app": "db"}
    templates = [{"metadata": {"name": "data"}, "spec": claim("x")["spec"]}]
    spec = {
        "replicas": 3,
        "serviceName": "db",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "mysql:8"}]}},
        "volumeClaimTemplates": templates,
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Delete"},
    }

    async def count(cluster: Cluster, wanted: int) -> None:
        async def reached() -> bool:
            held = [(await cluster.client.list(kind)).items for kind in (CLAIMS, VOLUMES, PODS)]
            return [len(items) for items in held] == [wanted] * 3 and all(p["status"]["phase"] == "Running" for p in held[2])

        await until(cluster, reached)

    async def story(cluster: Cluster) -> None:
        await cluster.client.create(
            SETS, "default", {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}
        )
        await count(cluster, 3)
        await cluster.client.patch(SETS, "default", "db", {"spec": {"replicas": 1}}, MERGE_PATCH)
        await count(cluster, 1)
        assert [name(c) for c in (await cluster.client.list(CLAIMS)).items] == ["data-db-0"]
        await cluster.client.delete(SETS, "default", "db")
        await count(cluster, 0)

    on_cluster(story, nodes=3)


def test_a_provisioner_that_cannot_says_so() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.client.create(CLAIMS, "default", claim("raw", storageClassName="standard", volumeMode="Block"))
        await cluster.clock.sleep(2)
        why = 'failed to provision volume with StorageClass "standard": wherry.dev/hostpath does not support block volume provisioning'
        assert f"ProvisioningFailed: {why}" in await told(cluster, "raw")
        with pytest.raises(StatusError):
            await cluster.client.patch(CLAIMS, "default", "raw", {"spec": {"storageClassName": "other"}}, MERGE_PATCH)

    on_cluster(story, nodes=1)


def test_an_ephemeral_volume_comes_and_goes_with_its_pod() -> None:
    async def story(cluster: Cluster) -> None:
        source = {"volumeClaimTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": claim("x")["spec"]}}
        await cluster.client.create(PODS, "default", pod("p", volumes=[{"name": "scratch", "ephemeral": source}]))
        await running(cluster, "p")
        made = await phase(cluster, "p-scratch")
        assert made["metadata"]["labels"] == {"a": "b"}
        await cluster.client.delete(PODS, "default", "p")
        await gone(cluster, CLAIMS, "default", "p-scratch")
        await gone(cluster, VOLUMES, "", made["spec"]["volumeName"])

    on_cluster(story, nodes=1)


def test_a_driver_without_room_is_waited_for() -> None:
    async def story(cluster: Cluster) -> None:
        driver = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "disk.example.com"}}
        await cluster.client.create(resource("csidrivers", "storage.k8s.io"), "", {**driver, "spec": {"storageCapacity": True}})
        await cluster.client.create(CLASSES, "", lazy_class("disks", "disk.example.com"))
        await cluster.client.create(CLAIMS, "default", claim("data", storageClassName="disks"))
        await cluster.client.create(PODS, "default", pod("user", "data"))
        await cluster.clock.sleep(5)
        assert "2 node(s) did not have enough free storage" in " ".join(await told(cluster, "user"))
        where = {"matchLabels": {"kubernetes.io/hostname": "sim-1"}}
        head = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity", "metadata": {"name": "c"}}
        room = {**head, "storageClassName": "disks", "nodeTopology": where, "capacity": "5Gi"}
        await cluster.client.create(resource("csistoragecapacities", "storage.k8s.io"), "default", room)

        async def chosen() -> Any:
            return annotations_of(await cluster.client.get(CLAIMS, "default", "data")).get(names.SELECTED_NODE)

        assert (await until(cluster, chosen))[0] == "sim-1"

    on_cluster(story, nodes=2)
