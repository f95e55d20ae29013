"""The API server as programs in pods reach it: the Service `kubernetes`, the pod's own account, client libraries, an operator as a pod."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.worlds.real_nodes import World
from wherry import Cluster
from wherry.api.resources import Resource, resource

pytestmark = pytest.mark.real_nodes

PIERS = Resource("example.com", "v1", "Pier", "piers")
_ACCOUNT = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
#: Python of these tests with its packages, as pods of image `host` find it
_PYTHON = sorted({sys.prefix, sys.base_prefix})
_PLAIN = """
import http.client, ssl
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
tls = ssl.create_default_context(cafile=folder + "ca.crt")
def status(host, port, **headers):
    there = http.client.HTTPSConnection(host, port, context=tls, timeout=5)
    there.request("GET", "/api/v1/namespaces/default", headers=headers)
    return there.getresponse().status
token = {"Authorization": "Bearer " + open(folder + "token").read()}
for host, port in (("kubernetes.default.svc", 443), ("kubernetes", 443), ("10.96.0.1", 443), ("10.244.0.1", 6443)):
    print(status(host, port, **token), status(host, port), end=" ")
"""
_CLIENT = """
from kubernetes import client, config
from kubernetes.watch import Watch
config.load_incluster_config()
core = client.CoreV1Api()
try:
    core.list_namespaced_pod("default")
except client.ApiException as refused:
    print(refused.status)
core.create_namespaced_config_map("default", {"metadata": {"name": "said"}, "data": {"by": "pod"}})
for event in Watch().stream(core.list_namespaced_config_map, "default", field_selector="metadata.name=said", timeout_seconds=20):
    print(event["type"], event["object"].data["by"])
    break
"""
_OPERATOR = """
import kopf, socket
@kopf.on.create("piers")
def built(spec, **_):
    return {"planks": spec["length"] * 2, "by": socket.gethostname()}
"""


def play(story: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Cluster(runtime="process", nodes=1, image_table=("*=host",), dns_forward=("none",)) as made:
            await asyncio.wait_for(story(World(made, "process")), 55)

    asyncio.run(whole())


def python(*words: str, **container: Any) -> dict[str, Any]:
    """The spec of a pod that runs this Python."""
    mounts = [{"name": f"python-{at}", "mountPath": each, "readOnly": True} for at, each in enumerate(_PYTHON)]
    volumes: list[Any] = [{"name": f"python-{at}", "hostPath": {"path": each}} for at, each in enumerate(_PYTHON)]
    main = {"name": "c", "image": "x:1", "command": [sys.executable, "-B", *words], **container}
    main["volumeMounts"] = [*mounts, *container.get("volumeMounts", ())]
    return {"terminationGracePeriodSeconds": 5, "containers": [main], "volumes": volumes}


async def allow(world: World, *rules: dict[str, list[str]]) -> None:
    """The pods' account may do that, everywhere."""
    group = "rbac.authorization.k8s.io"
    role = {"metadata": {"name": "pods"}, "rules": list(rules)}
    await world.client.create(resource("clusterroles", group), "", role)
    binding = {"metadata": {"name": "pods"}, "subjects": [_ACCOUNT], "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "pods"}}
    await world.client.create(resource("clusterrolebindings", group), "", binding)


def rule(group: str, plurals: str, verbs: str) -> dict[str, list[str]]:
    return {"apiGroups": [group], "resources": plurals.split(), "verbs": verbs.split()}


def test_a_program_asks_by_every_name_with_its_own_account() -> None:
    async def story(world: World) -> None:
        await world.create("pods", "p", spec={**python("-c", _PLAIN), "restartPolicy": "Never"})
        await world.phase("p", "Succeeded")
        # who it is, is known; neither it nor anybody unknown may read
        assert (await world.log("p")).split() == ["403", "403"] * 4
        slices = await world.client.get(resource("endpointslices", "discovery.k8s.io"), "default", "kubernetes")
        assert (slices["endpoints"][0]["addresses"], slices["ports"][0]["port"]) == (["10.244.0.1"], 6443)
        endpoints = await world.client.get(resource("endpoints"), "default", "kubernetes")
        assert endpoints["subsets"][0]["addresses"] == [{"ip": "10.244.0.1"}]
        await allow(world, rule("", "namespaces", "get"))
        await world.create("pods", "q", spec={**python("-c", _PLAIN), "restartPolicy": "Never"})
        await world.phase("q", "Succeeded")
        assert (await world.log("q")).split() == ["200", "403"] * 4

    play(story)


def test_the_official_client_configures_itself() -> None:
    async def story(world: World) -> None:
        await allow(world, rule("", "configmaps", "create list watch"))
        await world.create("pods", "p", spec={**python("-c", _CLIENT), "restartPolicy": "Never"})
        await world.until("p", lambda status: status.get("phase") in ("Succeeded", "Failed"))
        assert (await world.log("p")).splitlines() == ["403", "ADDED pod"]
        made = await world.client.get(resource("configmaps"), "default", "said")
        assert made["data"] == {"by": "pod"}

    play(story)


def test_an_operator_runs_as_a_deployment() -> None:
    async def story(world: World) -> None:
        await world.cluster.apply({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "piers.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "piers", "singular": "pier", "kind": "Pier"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                         "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}})  # fmt: skip
        await world.cluster.wait_for("crd/piers.example.com", "established")
        await allow(world, rule("", "namespaces", "list watch"), rule("", "events", "create"), rule("example.com", "*", "list watch patch"),
                    rule("apiextensions.k8s.io", "customresourcedefinitions", "list watch"))  # fmt: skip
        await world.create("configmaps", "operator", data={"operator.py": _OPERATOR})
        mounts = [{"name": "code", "mountPath": "/code"}]
        spec = python("-m", "kopf", "run", "--standalone", "--namespace=default", "/code/operator.py", volumeMounts=mounts)
        spec["volumes"].append({"name": "code", "configMap": {"name": "operator"}})
        labels = {"app": "operator"}
        await world.client.create(resource("deployments", "apps"), "default", {
            "metadata": {"name": "operator"}, "spec": {"selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": spec}}})  # fmt: skip
        pier = {"apiVersion": "example.com/v1", "kind": "Pier", "metadata": {"name": "long"}, "spec": {"length": 21}}
        await world.client.create(PIERS, "default", pier)

        async def told() -> Any:
            found = await world.client.get(PIERS, "default", "long")
            return found.get("status", {}).get("built")

        built = await world.eventually(told)
        [pod] = (await world.client.list(resource("pods"), "default")).items
        assert built == {"planks": 42, "by": pod["metadata"]["name"]}

    play(story)
