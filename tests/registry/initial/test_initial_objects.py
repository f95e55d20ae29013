"""What every cluster has from its start: APIServices, flow control, the range of cluster IPs and their addresses."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.api.errors import StatusError
from wherry.api.resources import resource
from wherry.cluster.cluster import Cluster
from wherry.kit.virtual import run_virtual

APIS, CRDS = resource("apiservices", "apiregistration.k8s.io"), resource("customresourcedefinitions", "apiextensions.k8s.io")
SCHEMAS, LEVELS = (resource(plural, "flowcontrol.apiserver.k8s.io") for plural in ("flowschemas", "prioritylevelconfigurations"))
RANGES, ADDRESSES = resource("servicecidrs", "networking.k8s.io"), resource("ipaddresses", "networking.k8s.io")
SERVICES = resource("services")


def service(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"ports": [{"port": 80}], **spec},
    }


def definition() -> dict[str, Any]:
    versions = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]
    names = {"plural": "boats", "singular": "boat", "kind": "Boat", "listKind": "BoatList"}
    spec = {"group": "ferry.io", "scope": "Namespaced", "names": names, "versions": versions}
    meta = {"name": "boats.ferry.io"}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta, "spec": spec}


async def names(cluster: Cluster, kind: Any) -> set[str]:
    return {each["metadata"]["name"] for each in (await cluster.aclient.list(kind)).items}


def own(obj: dict[str, Any]) -> dict[str, Any]:
    kept = {part: obj["metadata"][part] for part in ("name", "labels", "annotations", "finalizers") if part in obj["metadata"]}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": kept, "spec": obj["spec"]}


def test_each_object_is_what_a_create_would_have_made() -> None:
    async def story() -> None:
        async with Cluster(serve=False, nodes=0, seed=1, run_controllers=False) as cluster:
            for kind in (APIS, LEVELS, SCHEMAS, ADDRESSES):
                for obj in (await cluster.aclient.list(kind)).items:
                    await cluster.aclient.delete(kind, "", obj["metadata"]["name"])
                    made = await cluster.aclient.create(kind, "", own(obj))
                    assert made["spec"] == obj["spec"]
                    assert made["metadata"].get("generation") == obj["metadata"].get("generation")
                    assert made["metadata"]["managedFields"][0]["fieldsV1"] == obj["metadata"]["managedFields"][-1]["fieldsV1"]

    run_virtual(story(), epoch=1_750_000_000.0)


def test_built_in_group_versions_are_local_api_services_with_their_priorities() -> None:
    async def story() -> None:
        async with Cluster(serve=False, nodes=0, seed=1) as cluster:
            found = {each["metadata"]["name"]: each for each in (await cluster.aclient.list(APIS)).items}
            assert len(found) == 21
            assert "v1.apiregistration.k8s.io" not in found
            core, scaling = found["v1."], found["v2.autoscaling"]
            assert core["spec"] == {"version": "v1", "groupPriorityMinimum": 18000, "versionPriority": 1}
            assert scaling["spec"]["versionPriority"] == 30
            assert core["status"]["conditions"][0]["reason"] == "Local"
            assert core["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "onstart"}

    run_virtual(story(), epoch=1_750_000_000.0)


def test_a_custom_group_version_has_its_api_service_while_it_is_served() -> None:
    async def story() -> None:
        async with Cluster(serve=False, nodes=0, seed=1) as cluster:
            await cluster.aclient.create(CRDS, "", definition())
            await cluster.clock.sleep(5)
            made = await cluster.aclient.get(APIS, "", "v1.ferry.io")
            assert made["spec"] == {"group": "ferry.io", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 100}
            await cluster.aclient.delete(APIS, "", "v1.ferry.io")
            await cluster.clock.sleep(5)
            assert "v1.ferry.io" in await names(cluster, APIS)
            await cluster.aclient.delete(CRDS, "", "boats.ferry.io")
            await cluster.clock.sleep(30)
            assert "v1.ferry.io" not in await names(cluster, APIS)

    run_virtual(story(), epoch=1_750_000_000.0)


def test_a_cluster_ip_has_its_address_while_a_service_holds_it() -> None:
    async def story() -> None:
        async with Cluster(serve=False, nodes=0, seed=1) as cluster:
            assert await names(cluster, ADDRESSES) == {"10.96.0.1"}
            ip = (await cluster.aclient.create(SERVICES, "default", service("a")))["spec"]["clusterIP"]
            await cluster.clock.sleep(5)
            made = await cluster.aclient.get(ADDRESSES, "", ip)
            assert made["spec"]["parentRef"] == {"resource": "services", "namespace": "default", "name": "a"}
            await cluster.aclient.delete(SERVICES, "default", "a")
            assert (await cluster.aclient.create(SERVICES, "default", service("b", clusterIP=ip)))["spec"]["clusterIP"] == ip
            await cluster.clock.sleep(5)
            assert (await cluster.aclient.get(ADDRESSES, "", ip))["spec"]["parentRef"]["name"] == "b"

    run_virtual(story(), epoch=1_750_000_000.0)


def test_an_address_that_somebody_reserved_is_not_given_to_a_service() -> None:
    async def story() -> None:
        async with Cluster(serve=False, nodes=0, seed=1) as cluster:
            parent = {"resource": "things", "name": "x"}
            obj = {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "IPAddress",
                "metadata": {"name": "10.96.7.7"},
                "spec": {"parentRef": parent},
            }
            await cluster.aclient.create(ADDRESSES, "", obj)
            with pytest.raises(StatusError, match="provided IP is already allocated"):
                await cluster.aclient.create(SERVICES, "default", service("a", clusterIP="10.96.7.7"))

    run_virtual(story(), epoch=1_750_000_000.0)


def test_flow_schemas_name_levels_that_are_there() -> None:
    async def story() -> None:
        async with Cluster(serve=False, nodes=0, seed=1) as cluster:
            levels = await names(cluster, LEVELS)
            schemas = (await cluster.aclient.list(SCHEMAS)).items
            assert len(levels) == 8
            assert len(schemas) == 11
            assert {each["spec"]["priorityLevelConfiguration"]["name"] for each in schemas} <= levels
            assert all(each["status"]["conditions"][0]["reason"] == "Found" for each in schemas)

    run_virtual(story(), epoch=1_750_000_000.0)


def test_a_further_range_gives_addresses_and_stays_until_they_are_given_back() -> None:
    async def story() -> None:
        async with Cluster(serve=False, nodes=0, seed=1) as cluster:
            with pytest.raises(StatusError, match="the provided network does not match the current range"):
                await cluster.aclient.create(SERVICES, "default", service("a", clusterIP="10.7.0.9"))
            head = {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "m"}}
            more = {**head, "spec": {"cidrs": ["10.7.0.0/24"]}}
            await cluster.aclient.create(RANGES, "", more)
            await cluster.clock.sleep(5)
            made = await cluster.aclient.get(RANGES, "", "m")
            assert made["metadata"]["finalizers"] == ["networking.k8s.io/service-cidr-finalizer"]
            assert made["status"]["conditions"][0]["message"] == "Kubernetes Service CIDR is ready"
            await cluster.aclient.create(SERVICES, "default", service("a", clusterIP="10.7.0.9"))
            await cluster.clock.sleep(5)
            await cluster.aclient.delete(RANGES, "", "m")
            await cluster.clock.sleep(30)
            held = await cluster.aclient.get(RANGES, "", "m")
            assert held["status"]["conditions"][0]["reason"] == "Terminating"
            await cluster.aclient.delete(SERVICES, "default", "a")
            await cluster.clock.sleep(30)
            assert await names(cluster, RANGES) == {"kubernetes"}

    run_virtual(story(), epoch=1_750_000_000.0)


def test_a_schema_whose_level_is_not_there_is_dangling() -> None:
    async def story() -> None:
        async with Cluster(serve=False, nodes=0, seed=1) as cluster:
            subjects = [{"kind": "User", "user": {"name": "u"}}]
            rule = {"subjects": subjects, "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]}
            spec = {"priorityLevelConfiguration": {"name": "later"}, "rules": [rule]}
            obj = {"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": {"name": "s"}, "spec": spec}
            await cluster.aclient.create(SCHEMAS, "", obj)
            await cluster.clock.sleep(5)
            [condition] = (await cluster.aclient.get(SCHEMAS, "", "s"))["status"]["conditions"]
            assert (condition["status"], condition["reason"]) == ("True", "NotFound")
            limited = {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}
            level = {**obj, "kind": "PriorityLevelConfiguration", "metadata": {"name": "later"}, "spec": limited}
            await cluster.aclient.create(LEVELS, "", level)
            await cluster.clock.sleep(5)
            [condition] = (await cluster.aclient.get(SCHEMAS, "", "s"))["status"]["conditions"]
            assert (condition["status"], condition["reason"]) == ("False", "Found")

    run_virtual(story(), epoch=1_750_000_000.0)
