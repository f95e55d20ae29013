"""kr8s, lightkube and the official Python client with custom objects."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Iterator

import kr8s
import pytest
from kr8s.objects import new_class
from kubernetes import client, config
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import PatchType

from tests.rules.custom.widgets import WIDGETS, widget
from wherry import Cluster
from wherry.api.resources import ResourceTable
from wherry.client.http import HttpClient
from wherry.client.informer import Informers
from wherry.client.kubeconfig import load
from wherry.controllers.crd_table import follow_definitions
from wherry.controllers.garbage import GarbageCollector
from wherry.kit.clock import Clock
from wherry.reconcile.controller import Parts

# the clients leave connections to the garbage collector, and kr8s names the newest Kubernetes it was tested with
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore:Kubernetes version"
)


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What a client left is collected inside its own test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_kr8s(served: Cluster) -> None:
    api = kr8s.api(kubeconfig=served.kubeconfig)
    kind = new_class("Widget", "example.com/v1", namespaced=True, asyncio=False)
    made = kind(widget("kr8s"), namespace="default", api=api)
    made.create()
    assert [each.name for each in kr8s.get("widgets.example.com", namespace="default", api=api)] == ["kr8s"]
    made.patch({"spec": {"size": 5}})
    assert made.spec.size == 5
    made.patch({"status": {"ready": 5}}, subresource="status")
    made.wait("jsonpath='{.status.ready}'=5", timeout=20)
    made.delete()
    made.wait("delete", timeout=20)


def test_lightkube(served: Cluster) -> None:
    api = Client(config=KubeConfig.from_file(served.kubeconfig), namespace="default", field_manager="lightkube")
    kind = create_namespaced_resource("example.com", "v1", "Widget", "widgets")
    api.create(kind(widget("lightkube")))
    assert [each.spec["size"] for each in api.list(kind)] == [3]
    applied = api.apply(kind({**widget("lightkube"), "spec": {"ports": [{"port": 1}]}}))
    assert applied.spec == {"size": 3, "ports": [{"port": 1, "protocol": "TCP"}]}
    api.patch(kind, "lightkube", {"spec": {"size": 4}}, patch_type=PatchType.MERGE)
    for kind_of_event, each in api.watch(kind, fields={"metadata.name": "lightkube"}, server_timeout=20):
        assert (kind_of_event, each.spec["size"]) == ("ADDED", 4)
        break
    with pytest.raises(ApiError) as refused:
        api.patch(kind, "lightkube", {"spec": {"size": 5}}, patch_type=PatchType.STRATEGIC)
    assert refused.value.status.code == 415
    api.delete(kind, "lightkube")


def test_the_official_client(served: Cluster) -> None:
    at = ("example.com", "v1", "default", "widgets")
    with config.new_client_from_config(served.kubeconfig) as connection:
        api = client.CustomObjectsApi(connection)
        api.create_namespaced_custom_object(*at, widget("official"))
        assert api.get_namespaced_custom_object_scale(*at, "official")["spec"] == {"replicas": 3}
        api.patch_namespaced_custom_object(*at, "official", {"spec": {"color": "red"}})
        found = api.list_namespaced_custom_object(*at, field_selector="spec.color=red")
        assert [each["metadata"]["name"] for each in found["items"]] == ["official"]
        with pytest.raises(client.ApiException) as refused:
            api.patch_namespaced_custom_object(*at, "official", {"spec": {"color": "green"}})
        assert refused.value.status == 422
        assert 'spec.color: Unsupported value: \\"green\\": supported values: \\"red\\", \\"blue\\"' in refused.value.body
        api.delete_namespaced_custom_object(*at, "official")


def _http(cluster: Cluster) -> HttpClient:
    return HttpClient(load(environment={"KUBECONFIG": cluster.kubeconfig}))


def test_our_client_over_http(served: Cluster) -> None:
    async def story() -> None:
        async with _http(served) as api:
            await api.create(WIDGETS, "default", widget("http"))
            made = await api.patch(WIDGETS, "default", "http", {"spec": {"size": 4}}, "application/merge-patch+json")
            assert [each["spec"] for each in (await api.list(WIDGETS, "default")).items] == [{"size": 4}]
            done = await api.update(WIDGETS, {**made, "status": {"ready": 4}}, subresource="status")
            assert done["status"] == {"ready": 4}
            await api.delete(WIDGETS, "default", "http")

    asyncio.run(story())


def test_a_garbage_collector_over_http_knows_custom_objects(served: Cluster) -> None:
    """One that runs elsewhere follows definitions, and with them the objects of their kinds."""

    async def story() -> None:
        async with _http(served) as api:
            informers, table = Informers(api), ResourceTable()
            collector = GarbageCollector(Parts(api, informers, Clock(), lambda: "x", table), table)
            follow_definitions(informers, table)
            try:
                await informers.start()
                assert table.by_kind("example.com/v1", "Widget") is not None
                assert "widgets.example.com" in {informer.resource.group_resource for informer in informers.all()}
                assert collector.name == "garbage-collector-controller"
            finally:
                await informers.stop()

    asyncio.run(story())
