"""Requests for the fuzzer: what the recordings of the reference sent, spoilt in a place or two, and objects made from the schemas.

Everything follows from the seed: the same number gives the same request.
"""

from __future__ import annotations

import copy
import json
import random
from functools import cache
from typing import Any, NamedTuple

from tests.server.http_server import NAMESPACE, recorded
from wherry.api.resources import BUILT_IN, Resource
from wherry.api.schema import Node

PATCHES = tuple(f"application/{kind}" for kind in ("merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"))
# fmt: off
WEIRD: tuple[Any, ...] = (
    None, True, 0, -1, 1, 1.5, 2**31, 2**63, -(2**63), 1e300,
    "", "x", "a/b", "A_b", "0", "-", "*", "%", "1Gi", "-5", "50%", "2020-01-01T00:00:00Z", "1.2.3.4", "::1", "10.0.0.0/8", "\0", "\u2028",
    "é" * 300, "a" * 70, "http", "TCP", "Always", "Exists", "None", "ClusterIP", "default", "$(x)", "{{", "^(", "self.x", "@every 1s",
    "* * * * *", [], [None], [[]], [{}], ["x", "x"], {}, {"": ""}, {"a": None}, {"x": {"y": {}}}, {"a": "b"},
)
# fmt: on
GROUPS = ("apply", "defaults", "deletes", "patches", "subresources", "updates", "validation")


class Request(NamedTuple):
    method: str
    path: str
    body: Any
    content_type: str


@cache
def corpus() -> tuple[Request, ...]:
    found = []
    for group in GROUPS:
        for case in recorded(group):
            request = case["request"]
            if isinstance(request.get("body"), dict | list):
                text = json.dumps(request["body"]).replace("<NS>", NAMESPACE)
                kind = request["headers"].get("Content-Type", "application/json")
                found.append(Request(request["method"], request["path"].replace("<NS>", NAMESPACE), json.loads(text), kind))
    return tuple(found)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a value."""
    found: list[tuple[Any, Any]] = []
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        found.append((value, key))
        found += _places(item)
    return found


def spoil(value: Any, rng: random.Random) -> Any:
    """A copy with one to three things changed."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = _places(value)
        if not places:
            return rng.choice(WEIRD)
        container, key = rng.choice(places)
        what = rng.randrange(8)
        if what == 0:
            del container[key]
        elif what == 1 and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        elif what == 2:
            container[key] = copy.deepcopy(rng.choice(places)[0])
        elif what == 3 and isinstance(container, dict):
            container[rng.choice(("x", "", "a.b", "$patch", "f:x", str(key).upper(), "status", "spec"))] = container.pop(key)
        else:
            container[key] = copy.deepcopy(rng.choice(WEIRD))
    return value


def recorded_request(rng: random.Random) -> Request:
    request = rng.choice(corpus())
    body = spoil(request.body, rng)
    if request.method in ("POST", "PUT") and rng.random() < 0.15:
        path = request.path.partition("?")[0]
        name = body.get("metadata") if isinstance(body, dict) else None
        name = name.get("name") if isinstance(name, dict) else None
        path = f"{path}/{name}" if request.method == "POST" and isinstance(name, str) and name.isalnum() else path
        return Request("PATCH", f"{path}?fieldManager=fuzz&force=true", body, rng.choice(PATCHES))
    return request._replace(body=body)


def made_request(rng: random.Random) -> Request:
    """A new object of any kind, that may fit its schema."""
    row = rng.choice([r for r in BUILT_IN if "create" in r.verbs])
    body = value(row.node, rng, 0)
    if isinstance(body, dict):
        body |= {"apiVersion": row.api_version, "kind": row.kind}
        metadata = body["metadata"] if isinstance(body.get("metadata"), dict) else {}
        body["metadata"] = {**metadata, "name": f"made{rng.randrange(20)}"} if rng.random() < 0.9 else metadata
        if row.namespaced and isinstance(body["metadata"], dict):
            body["metadata"]["namespace"] = NAMESPACE
    return Request("POST", collection(row), body, "application/json")


def collection(row: Resource) -> str:
    root = f"/apis/{row.group}/{row.version}" if row.group else f"/api/{row.version}"
    return f"{root}/namespaces/{NAMESPACE}/{row.plural}" if row.namespaced else f"{root}/{row.plural}"


_SAMPLES: dict[str, tuple[Any, ...]] = {
    "int32": (0, 1, -1, 80, 65536, 2**31), "int64": (0, 1, -1, 10**10, 2**63), "float": (0, 1.5, -1), "bool": (True, False),
    "quantity": ("1", "100m", "1Gi", 0, 1.5, "-1", "1e30"), "int_or_string": (0, 80, "50%", "http", "x%"), "bytes": ("", "YQ==", "%%"),
    "time": ("2020-01-01T00:00:00Z", "now", None), "micro_time": ("2020-01-01T00:00:00.000000Z", "x"),
}  # fmt: skip


def value(node: Node, rng: random.Random, level: int) -> Any:
    """A value that mostly fits the schema."""
    if rng.random() < 0.02 or level > 12:
        return copy.deepcopy(rng.choice(WEIRD))
    if node.kind == "object":
        names = sorted(node.properties)
        count = min(len(names), rng.randrange(1, 7))
        return {name: value(node.properties[name], rng, level + 1) for name in rng.sample(names, count)} if names else {}
    if node.kind == "map":
        return {
            str(rng.choice(("a", "a/b", "cpu", "x y", ""))): value(node.items, rng, level + 1) if node.items else 1
            for _ in range(rng.randrange(3))
        }
    if node.kind == "list":
        return [value(node.items, rng, level + 1) if node.items else 1 for _ in range(rng.randrange(1, 3))]
    return rng.choice(_SAMPLES.get(node.kind, ())) if node.kind in _SAMPLES else rng.choice(WEIRD if node.kind == "any" else _STRINGS)


_STRINGS = tuple(w for w in WEIRD if isinstance(w, str))
