"""Custom resources over HTTP: discovery, OpenAPI, tables, media types, conversion by webhook, and kubectl."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.registry.admission_dynamic.hook_server import bundle, server_context
from tests.rules.custom.widgets import DEFINITIONS, NAME, SCALE, WIDGETS, definition, establish, schema, version, widget
from wherry import Cluster
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
COLLECTION = "/apis/example.com/v1/namespaces/default/widgets"


class Api:
    """A cluster, asked over HTTP from outside its loop."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        return self.cluster.call(self._ask(method, path, body, headers))  # type: ignore[no-any-return]

    async def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        url = f"http://127.0.0.1:{self.cluster.insecure_port}{path}"
        content = None if body is None else json.dumps(body)
        async with aiohttp.ClientSession() as session, session.request(method, url, data=content, headers=sent) as answer:
            text = await answer.text()
            value = json.loads(text) if text.startswith("{") else text
            return answer.status, value, dict(answer.headers.items())

    def kubectl(self, *args: str, stdin: Obj | None = None) -> str:
        run = subprocess.run(
            [os.environ.get("KUBECTL", "kubectl"), *args],
            input=json.dumps(stdin) if stdin is not None else None,
            env={**os.environ, "KUBECONFIG": self.cluster.kubeconfig},
            capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip
        return run.stdout + run.stderr


@pytest.fixture
def api(served: Cluster) -> Api:
    return Api(served)


def test_discovery_lists_the_kind(api: Api) -> None:
    assert "example.com" in [g["name"] for g in api.ask("GET", "/apis")[1]["groups"]]
    assert api.ask("GET", "/apis/example.com")[1]["preferredVersion"] == {"groupVersion": "example.com/v1", "version": "v1"}
    resources = api.ask("GET", "/apis/example.com/v1")[1]["resources"]
    assert [r["name"] for r in resources] == ["widgets", "widgets/status", "widgets/scale"]
    assert resources[0]["verbs"] == ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
    assert resources[2] == {
        "name": "widgets/scale", "singularName": "", "namespaced": True, "group": "autoscaling", "version": "v1", "kind": "Scale",
        "verbs": ["get", "patch", "update"],
    }  # fmt: skip
    groups = api.ask("GET", "/apis", Accept=AGGREGATED)[1]["items"]
    last = groups[-1]
    assert last["metadata"]["name"] == "example.com"
    entry = last["versions"][0]["resources"][0]
    assert entry["responseKind"] == {"group": "example.com", "version": "v1", "kind": "Widget"}
    assert [s["responseKind"]["kind"] for s in entry["subresources"]] == ["Widget", "Scale"]


def test_openapi_has_the_schema_in_both_versions(api: Api) -> None:
    index = api.ask("GET", "/openapi/v3")[1]["paths"]
    document = api.ask("GET", index["apis/example.com/v1"]["serverRelativeURL"])[1]
    found = document["components"]["schemas"]["com.example.v1.Widget"]
    assert found["properties"]["spec"]["description"] == "What is wanted"
    assert found["properties"]["spec"]["properties"]["limit"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert found["x-kubernetes-group-version-kind"] == [{"group": "example.com", "version": "v1", "kind": "Widget"}]
    assert found["x-kubernetes-selectable-fields"] == [{"fieldPath": "spec.color"}]
    assert set(found["properties"]["spec"]["properties"]["pod"]["properties"]) == {"apiVersion", "kind", "metadata"}
    old = api.ask("GET", "/openapi/v2")[1]["definitions"]["com.example.v1.Widget"]
    assert "type" not in old["properties"]["spec"]["properties"]["free"]
    assert old["properties"]["metadata"]["$ref"] == "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def test_tables_have_the_columns_of_the_definition(api: Api) -> None:
    api.ask("POST", COLLECTION, widget())
    ready = {"status": {"conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]}}
    api.ask("PATCH", f"{COLLECTION}/w/status", ready, Content_Type="application/merge-patch+json")
    table = api.ask("GET", COLLECTION, Accept=TABLE)[1]
    assert [(c["name"], c["type"], c["description"], c["priority"]) for c in table["columnDefinitions"][1:]] == [
        ("Size", "integer", "Custom resource definition column (in JSONPath format): .spec.size", 0),
        ("Ready", "string", 'Custom resource definition column (in JSONPath format): .status.conditions[?(@.type=="Ready")].status', 1),
        ("Age", "date", "How old", 0),
    ]
    assert table["rows"][0]["cells"][:3] == ["w", 3, "True"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_lists_carry_kind_and_version_in_every_item(api: Api) -> None:
    api.ask("POST", COLLECTION, widget())
    found = api.ask("GET", COLLECTION)[1]
    assert (found["kind"], found["apiVersion"]) == ("WidgetList", "example.com/v1")
    assert (found["items"][0]["kind"], found["items"][0]["apiVersion"]) == ("Widget", "example.com/v1")


def test_what_custom_objects_cannot_be_sent_as(api: Api) -> None:
    api.ask("POST", COLLECTION, widget())
    accepted = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    for kind in ("application/strategic-merge-patch+json", "application/x"):
        status, answer, _ = api.ask("PATCH", f"{COLLECTION}/w", {}, Content_Type=kind)
        assert (status, answer["message"]) == (
            415, f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        )  # fmt: skip
    assert api.ask("POST", COLLECTION, {}, Content_Type="application/vnd.kubernetes.protobuf")[0] in (400, 415)


def test_field_validation_of_requests(api: Api) -> None:
    bad = widget(spec={"size": 1, "nope": 2})
    status, answer, _ = api.ask("POST", f"{COLLECTION}?fieldValidation=Strict", bad)
    assert (status, answer["reason"]) == (400, "BadRequest")
    assert answer["message"].endswith('strict decoding error: unknown field "spec.nope"')
    status, _, headers = api.ask("POST", f"{COLLECTION}?fieldValidation=Warn", bad)
    assert (status, headers["Warning"]) == (201, '299 - "unknown field \\"spec.nope\\""')


def test_a_deprecated_version_warns(api: Api) -> None:
    names = {"plural": "relics", "singular": "relic", "kind": "Relic", "listKind": "RelicList"}
    both = definition(version("v1alpha1", storage=False, deprecated=True), version("v1"), names=names)
    api.cluster.call(establish(api.cluster, both))
    _, _, headers = api.ask("GET", "/apis/example.com/v1alpha1/relics")
    assert headers["Warning"] == '299 - "example.com/v1alpha1 Relic is deprecated; use example.com/v1 Relic"'
    groups = {g["name"]: g for g in api.ask("GET", "/apis")[1]["groups"]}
    assert [v["version"] for v in groups["example.com"]["versions"]] == ["v1", "v1alpha1"]
    api.ask("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/relics.example.com")


def test_unknown_paths_of_a_custom_group_are_plain(api: Api) -> None:
    for path in ("/apis/example.com/v1/gadgets", "/apis/example.com/v9/widgets", "/apis/example.com/v1/widgets/w"):
        assert api.ask("GET", path)[:2] == (404, "404 page not found\n")


@pytest.mark.kubectl
def test_kubectl_explains_applies_diffs_and_scales(api: Api) -> None:
    assert "What is wanted" in api.kubectl("explain", "widgets.spec")
    assert api.kubectl("apply", "-f", "-", stdin=widget(spec={"size": 2, "ports": [{"port": 1}]})) == "widget.example.com/w created\n"
    assert "+  size: 5" in api.kubectl("diff", "-f", "-", stdin=widget(spec={"size": 5, "ports": [{"port": 1}]}))
    assert api.kubectl("apply", "-f", "-", stdin=widget(spec={"size": 5})) == "widget.example.com/w configured\n"
    assert api.kubectl("get", "wi", "w", "-o", "jsonpath={.spec}") == '{"size":5}'
    assert api.kubectl("scale", "wi/w", "--replicas=4") == "widget.example.com/w scaled\n"
    assert api.kubectl("get", "wi").split()[:5] == ["NAME", "SIZE", "AGE", "w", "4"]
    refused = api.kubectl("apply", "--server-side", "--field-manager=x", "-f", "-", stdin=widget(spec={"size": 9}))
    assert 'conflict with "kubectl" with subresource "scale"' in refused
    assert "unknown field" in api.kubectl("create", "-f", "-", stdin=widget("b", {"size": 1, "nope": 1}))
    assert api.kubectl("delete", "wi", "w").startswith('widget.example.com "w" deleted')


def _converted(review: Obj) -> Obj:
    """v1 calls `size` what v2 calls `replicas`; v2 keeps a label."""
    request = review["request"]
    objects = []
    for obj in request["objects"]:
        spec = dict(obj["spec"])
        to_v2 = request["desiredAPIVersion"].endswith("/v2")
        old, new = ("size", "replicas") if to_v2 else ("replicas", "size")
        if old in spec:
            spec[new] = spec.pop(old)
        metadata = {**obj["metadata"], "labels": {**(obj["metadata"].get("labels") or {}), "seen": "yes"}}
        objects.append({**obj, "apiVersion": request["desiredAPIVersion"], "metadata": metadata, "spec": spec})
    response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": objects}
    return {"apiVersion": review["apiVersion"], "kind": "ConversionReview", "response": response}


def test_a_webhook_converts_between_versions() -> None:
    calls: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        review = await request.json()
        calls.append(len(review["request"]["objects"]))
        return web.json_response(_converted(review))

    async def story() -> None:
        app = web.Application()
        app.router.add_post("/convert", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context())
        await site.start()
        port = runner.addresses[0][1]
        try:
            async with Cluster(nodes=1, serve=False, test_mode=True) as cluster:
                await _both_versions(cluster, {"url": f"https://127.0.0.1:{port}/convert", "caBundle": bundle()})
        finally:
            await runner.cleanup()

    asyncio.run(story())
    assert max(calls) >= 2  # a list is converted in one call


async def _both_versions(cluster: Cluster, hook: Obj) -> None:
    client = cluster.aclient
    size: Obj = {"type": "object", "properties": {"size": {"type": "integer"}}}
    replicas: Obj = {"type": "object", "properties": {"replicas": {"type": "integer"}}}
    scale = {**SCALE, "specReplicasPath": ".spec.replicas"}
    webhook = {"clientConfig": hook, "conversionReviewVersions": ["v1"]}
    both = definition(
        version("v1", schema(size), storage=False),
        version("v2", schema(replicas), subresources={"status": {}, "scale": scale}),
        conversion={"strategy": "Webhook", "webhook": webhook},
    )
    await establish(cluster, both)
    second = Resource("example.com", "v2", "Widget", "widgets")
    made = await client.create(WIDGETS, "default", widget(spec={"size": 3}))
    assert made["spec"] == {"size": 3}
    await client.create(WIDGETS, "default", widget("x", {"size": 4}))
    assert (await client.get(second, "default", "w"))["spec"] == {"replicas": 3}
    assert [o["spec"] for o in (await client.list(WIDGETS, "default")).items] == [{"size": 3}, {"size": 4}]
    changed = await client.patch(WIDGETS, "default", "w", {"spec": {"size": 7}}, "application/merge-patch+json")
    assert changed["spec"] == {"size": 7}
    assert (await client.get(second, "default", "w", subresource="scale"))["spec"] == {"replicas": 7}
    stored: Any = await cluster.store.get("widgets.example.com/default/w")
    assert stored.object()["apiVersion"] == "example.com/v2"
    await client.patch(DEFINITIONS, "", NAME, {"spec": {"names": {"categories": ["all"]}}}, "application/merge-patch+json")
    assert [o["spec"] for o in (await client.list(WIDGETS, "default")).items] == [{"size": 7}, {"size": 4}]
    broken = {"spec": {"conversion": {"webhook": {"clientConfig": {"url": hook["url"].replace("convert", "gone")}}}}}
    await client.patch(DEFINITIONS, "", NAME, broken, "application/merge-patch+json")
    with pytest.raises(StatusError, match=r"conversion webhook for example.com/v2, Kind=Widget failed: "):
        await client.get(WIDGETS, "default", "w")


def test_what_needs_a_namespace_or_a_name_is_not_there_without(api: Api) -> None:
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        assert api.ask(method, "/apis/example.com/v1/widgets", widget())[:2] == (404, "404 page not found\n"), method
    assert api.ask("GET", "/apis/example.com/v1/widgets")[0] == 200
    for method in ("PUT", "PATCH"):
        code, body, _ = api.ask(method, COLLECTION, widget(), Content_Type="application/json")
        assert (code, body["message"]) == (400, "name must be provided"), method
