"""A CustomResourceDefinition and its objects, as the tests of custom resources vary them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from wherry import Cluster
from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.resources import Resource, resource
from wherry.rules.custom import conditions, kind
from wherry.rules.custom.kind import CustomKind

DEFINITIONS = resource("customresourcedefinitions", "apiextensions.k8s.io")
WIDGETS = Resource("example.com", "v1", "Widget", "widgets")
NAME = "widgets.example.com"

SPEC: Obj = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "default": 2},
        "color": {"type": "string", "enum": ["red", "blue"]},
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port"],
            "items": {
                "type": "object",
                "required": ["port"],
                "properties": {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}},
            },
        },
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "limit": {"x-kubernetes-int-or-string": True},
        "pod": {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
    },
}
STATUS: Obj = {"type": "object", "properties": {"ready": {"type": "integer"}, "selector": {"type": "string"}}}
SCALE = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.ready", "labelSelectorPath": ".status.selector"}


def schema(spec: Obj = SPEC, **more: Any) -> Obj:
    return {"type": "object", "properties": {"spec": spec, "status": STATUS}, **more}


def version(name: str = "v1", openapi: Obj | None = None, **fields: Any) -> Obj:
    made = {"name": name, "served": True, "storage": True, "schema": {"openAPIV3Schema": openapi or schema()}}
    return {**made, "subresources": {"status": {}, "scale": SCALE}, **fields}


def definition(*versions: Obj, **spec: Any) -> Obj:
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList", "shortNames": ["wi"]}
    made = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": list(versions) or [version()]}
    plural = (spec.get("names") or names)["plural"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {**made, **spec},
    }


def widget(name: str = "w", spec: Obj | None = None, api_version: str = "example.com/v1", **fields: Any) -> Obj:
    return {"apiVersion": api_version, "kind": "Widget", "metadata": {"name": name}, "spec": spec or {"size": 3}, **fields}


def custom(openapi: Obj | None = None, **fields: Any) -> CustomKind:
    """The compiled kind of one version, as an established definition makes it."""
    made = definition(version(openapi=openapi, **fields))
    made["status"] = {"acceptedNames": made["spec"]["names"], "conditions": [{"type": "Established", "status": "True"}]}
    found = kind.of(kind.rows(made)[0])
    assert found is not None
    return found


async def until(holds: Callable[[], Awaitable[Any]], seconds: float = 20.0) -> Any:
    """What `holds` gives, once it is true."""
    async with asyncio.timeout(seconds):
        while not (found := await holds()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found


async def establish(cluster: Cluster, made: Obj) -> Obj:
    """Creates a definition and waits until its kind is served."""
    client = cluster.aclient
    await client.create(DEFINITIONS, "", made)

    async def established() -> Obj | None:
        found = await client.get(DEFINITIONS, "", made["metadata"]["name"])
        return found if conditions.is_true(found, "Established") else None

    established_: Obj = await until(established)
    return established_


async def gone(cluster: Cluster, row: Resource, namespace: str, name: str) -> None:
    async def absent() -> bool:
        try:
            await cluster.aclient.get(row, namespace, name)
        except NotFound:
            return True
        return False

    await until(absent)


def on_cluster(story: Callable[[Cluster], Awaitable[None]], **options: Any) -> None:
    """Runs the story against a whole cluster in this process."""

    async def run() -> None:
        async with Cluster(nodes=1, test_mode=True, **{"serve": False, **options}) as cluster:
            await story(cluster)

    asyncio.run(run())
