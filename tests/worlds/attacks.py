"""Requests that are long on purpose: of each kind that takes most of a server's time, one of any size `n`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

JSON, YAML = "application/json", "application/yaml"
APPLY, STRATEGIC, JSON_PATCH = "application/apply-patch+yaml", "application/strategic-merge-patch+json", "application/json-patch+json"
MAPS, PODS = "configmaps", "pods"
CRDS, DEPLOYMENTS = "customresourcedefinitions.apiextensions.k8s.io", "deployments.apps"


class Attack(NamedTuple):
    """`body(n)` goes to the object of that name (a patch), or makes one. `most`: an n whose body is close to the limit of 3 MB."""

    resource: str
    content_type: str
    body: Callable[[int], bytes]
    most: int
    patched: str = ""


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _map(**more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "attack"}, **more}


def _pod(containers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "attack"}, "spec": {"containers": containers}}


def _containers(n: int, **more: Any) -> list[dict[str, Any]]:
    return [{"name": f"c{i}", "image": "i", **more} for i in range(n)]


def deployment(n: int, name: str = "attack") -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": _containers(n)}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def _definition(schema: dict[str, Any]) -> bytes:
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object", **schema}}}
    spec = {"group": "attack.example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    meta = {"name": "things.attack.example.com"}
    return _json({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta, "spec": spec})


def _yaml_keys(value: str) -> Callable[[int], bytes]:
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: attack\ndata:\n"
    return lambda n: (head + "".join(f"  k{i}: {value.format(i)}\n" for i in range(n))).encode()


def _nested(n: int) -> bytes:
    """allOf of anyOf of allOf, 50 leaves each."""
    inner = [{"anyOf": [{"allOf": [{"required": ["a"]}] * 50}] * 50}] * n
    return _definition({"properties": {"a": {"type": "string"}}, "allOf": inner})


def _rules(n: int) -> bytes:
    rules = [{"rule": f"self.a > {i}"} for i in range(n)]
    spec = {"type": "object", "properties": {"a": {"type": "integer"}}, "x-kubernetes-validations": rules}
    return _definition({"properties": {"spec": spec}})


ATTACKS = {
    "containers of one port": Attack(PODS, JSON, lambda n: _json(_pod(_containers(n, ports=[{"containerPort": 80}]))), 35_000),
    "one variable again and again": Attack(
        PODS, JSON, lambda n: _json(_pod([{**_containers(1)[0], "env": [{"name": "A", "value": "b"}] * n}])), 100_000
    ),
    "fields that nobody knows": Attack(
        PODS, JSON, lambda n: _json(_pod([{**_containers(1)[0], **{f"unknown{i}": 1 for i in range(n)}}])), 150_000
    ),
    "a deployment of many containers": Attack(DEPLOYMENTS, JSON, lambda n: _json(deployment(n)), 80_000),
    "a strategic patch of many containers": Attack(
        DEPLOYMENTS, STRATEGIC, lambda n: _json({"spec": {"template": {"spec": {"containers": _containers(n)}}}}), 80_000, "there"
    ),
    "YAML of many keys": Attack(MAPS, YAML, _yaml_keys("v"), 230_000),
    "YAML of many anchors": Attack(MAPS, YAML, _yaml_keys("&a{0} v"), 150_000),
    "JSON of many keys": Attack(MAPS, JSON, lambda n: _json(_map(data={f"k{i}": "v" for i in range(n)})), 180_000),
    "an apply of many keys": Attack(
        MAPS, APPLY, lambda n: _json(_map(data={f"k{i}": "v" for i in range(n)}, metadata={"name": "applied"})), 180_000, "applied"
    ),
    "an apply of YAML": Attack(
        MAPS, APPLY, lambda n: _yaml_keys("v")(n).replace(b"name: attack", b"name: applied"), 230_000, "applied"
    ),
    "a schema of many properties": Attack(
        CRDS, JSON, lambda n: _definition({"properties": {f"p{i}": {"type": "string"} for i in range(n)}}), 90_000
    ),
    "a schema of schemas": Attack(CRDS, JSON, _nested, 55),
    "a schema of many rules": Attack(CRDS, JSON, _rules, 20_000),
    "a JSON patch of inserts": Attack(
        MAPS, JSON_PATCH,
        lambda n: _json([{"op": "add", "path": "/metadata/finalizers/0", "value": f"x.y/z{i}"} for i in range(n)]), 9_999, "there",
    ),
    "a JSON patch of keys": Attack(
        MAPS, JSON_PATCH,
        lambda n: _json([{"op": "add", "path": f"/metadata/annotations/k{i}", "value": "v"} for i in range(n)]), 9_999, "there",
    ),
}  # fmt: skip
