"""Bodies made to hurt: too deep, too big, blown up by aliases and copies, no JSON, no text. Each is answered with a Status."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.fuzz.fuzz_world import Attacked, must_be_clear
from tests.server.http_server import NAMESPACE

CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
ONE = f"{CONFIG_MAPS}/kube-root-ca.crt"
MERGE, STRATEGIC, JSON, APPLY = (
    f"application/{kind}" for kind in ("merge-patch+json", "strategic-merge-patch+json", "json-patch+json", "apply-patch+yaml")
)
NESTED = {
    "lists": lambda n: b"[" * n + b"]" * n,
    "maps": lambda n: b'{"a":' * n + b"1" + b"}" * n,
}


@pytest.mark.parametrize("levels", [190, 250, 900, 10_000, 200_000])
@pytest.mark.parametrize("shape", sorted(NESTED))
def test_nesting_has_an_end(target: Attacked, shape: str, levels: int) -> None:
    deep = NESTED[shape](levels)
    whole = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"deep"},"x":1,"x":2,"unknown":%b,"data":%b}' % (deep, deep)
    sent = [
        ("POST", CONFIG_MAPS, whole, "application/json"),
        ("POST", CONFIG_MAPS, whole, "application/yaml"),
        ("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", deep, "application/json"),
        ("PUT", ONE, deep, "application/json"),
        ("DELETE", f"{CONFIG_MAPS}/none", deep, "application/json"),
        ("PATCH", ONE, deep, MERGE),
        ("PATCH", ONE, deep, STRATEGIC),
        ("PATCH", ONE, deep, JSON),
        ("PATCH", ONE, b'[{"op":"add","path":"/metadata/managedFields","value":[{"fieldsV1":%b}]}]' % deep, JSON),
        ("PATCH", f"{ONE}?fieldManager=x", whole, APPLY),
    ]
    for method, path, body, content_type in sent:
        answer = target.send(method, path, body, Content_Type=content_type)
        must_be_clear(answer.status, answer.json, (method, path, content_type))
        if levels > 200:
            assert answer.status in (400, 413), (method, content_type, answer.body[:300])


def test_patches_cannot_stack_depth_up(target: Attacked) -> None:
    steps = [{"op": "add", "path": "/x" + "/a" * level, "value": {}} for level in range(300)]
    answer = target.send("PATCH", ONE, steps, Content_Type=JSON)
    assert (answer.status, answer.json["message"]) == (400, "exceeded max depth")


def test_copies_of_a_json_patch_have_a_limit(target: Attacked) -> None:
    doubling = [{"op": "copy", "from": "/x", "path": f"/x/k{i}"} for i in range(64)]
    answer = target.send("PATCH", ONE, [{"op": "add", "path": "/x", "value": {"a": "x" * 100}}, *doubling], Content_Type=JSON)
    assert answer.status == 422
    answer = target.send("PATCH", ONE, [{"op": "test", "path": "/x"}] * 10_001, Content_Type=JSON)
    assert answer.status == 413


@pytest.mark.parametrize(("method", "path", "content_type"), [
    ("POST", CONFIG_MAPS, "application/json"),
    ("PUT", ONE, "application/json"),
    ("DELETE", ONE, "application/json"),
    ("PATCH", ONE, MERGE),
    ("PATCH", f"{ONE}?fieldManager=x", APPLY),
])  # fmt: skip
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_has_a_limit(target: Attacked, method: str, path: str, content_type: str, chunked: bool) -> None:
    body = b'{"data":{"a":"' + b"x" * (3 * 1024 * 1024) + b'"}}'
    headers = {"Content-Type": content_type}
    if chunked:
        body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (body[i : i + 65536] for i in range(0, len(body), 65536))) + b"0\r\n\r\n"
        headers |= {"Transfer-Encoding": "chunked", "Content-Length": ""}
    code, status = target.request(f"{method} {path}", body, **headers)
    assert code == 413
    assert status["message"] == "Request entity too large: limit is 3145728"
    assert status["reason"] == "RequestEntityTooLarge"


def test_an_announced_size_is_enough_to_be_refused(target: Attacked) -> None:
    code, status = target.request(f"POST {CONFIG_MAPS}", **{"Content-Length": str(10**12)})
    assert (code, status["reason"]) == (413, "RequestEntityTooLarge")


def test_aliases_cannot_blow_up(target: Attacked) -> None:
    laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
    )
    merges = "k0: &k0 {x: 1}\n" + "".join(f"k{i}: &k{i} {{<<: [{','.join([f'*k{i - 1}'] * 200)}]}}\n" for i in range(1, 60))
    for bomb in (laughs, merges):
        answers = (
            target.send("POST", CONFIG_MAPS, bomb, Content_Type="application/yaml"),
            target.send("PATCH", f"{ONE}?fieldManager=x", bomb, Content_Type=APPLY),
        )
        for answer in answers:
            assert answer.status == 400
            assert "excessive aliasing" in answer.json["message"]


def test_compressed_bodies_are_not_unpacked(target: Attacked) -> None:
    bomb = gzip.compress(b'{"data":{"a":"' + b"x" * 50_000_000 + b'"}}')
    answer = target.send("POST", CONFIG_MAPS, bomb, Content_Encoding="gzip")
    assert answer.status == 400
    assert "json parse error" in answer.json["message"]


#: what is no JSON, no YAML, no protobuf, or means nothing in them
_GARBAGE = {
    "nothing": b"",
    "half": b'{"metadata":{"name":"x"',
    "bytes": bytes(range(256)),
    "nul": b"\x00" * 100,
    "nan": b'{"data":{"a":NaN}}',
    "infinity": b'{"data":{"a":-Infinity}}',
    "float": b'{"data":{"a":1e999}}',
    "digits": b'{"data":{"a":' + b"9" * 100_000 + b"}}",
    "tiny": b'{"data":{"a":1e-99999999999}}',
    "no utf-8": b'{"metadata":{"name":"\xff\xfe"}}',
    "half a pair": b'{"metadata":{"name":"\\ud800"}}',
    "utf-16": '{"metadata":{"name":"x"}}'.encode("utf-16"),
    "bom": b'\xef\xbb\xbf{"metadata":{"name":"x!"}}',
    "keys": b'{"metadata":{"name":"x!","name":"y!"},"data":{' + b",".join([b'"a":"b"'] * 5000) + b"}}",
    "list": b"[]",
    "number": b"5",
    "text": b'"x"',
    "null": b"null",
    "two": b"{}{}",
    "python": b'!!python/object/apply:os.system ["true"]',
    "binary tag": b"metadata: !!binary '%%%'",
    "yaml digits": b"metadata: {name: " + b"1" * 100_000 + b"}",
    "yaml times": b"metadata: " + b"1:" * 50_000 + b"1",
    "yaml keys": b"? {a: b}\n: c",
    "proto": b"k8s\x00",
    "proto noise": b"k8s\x00" + b"\xff" * 50,
    "proto length": b"k8s\x00\x0a\xff\xff\xff\xff\x0f",
    "proto groups": b"k8s\x00" + b"\x0b" * 100_000,
    "proto map": b"k8s\x00\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x04\x0a\xff\xff\x01",
    "proto utf-8": b"k8s\x00\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x05\x0a\x03\x0a\x01\xff",
}


@pytest.mark.parametrize("name", sorted(_GARBAGE))
def test_garbage_is_refused_clearly(target: Attacked, name: str) -> None:
    types = ("json", "yaml", "vnd.kubernetes.protobuf", "xml", "json; charset=utf-16", "cbor", ";;")
    patches = (MERGE, STRATEGIC, JSON, APPLY)
    sent = [(method, path, f"application/{kind}") for method, path in (("POST", CONFIG_MAPS), ("PUT", ONE)) for kind in types]
    sent += [("PATCH", f"{ONE}?fieldManager=x&dryRun=All", kind) for kind in patches]
    sent += [("DELETE", f"{CONFIG_MAPS}/none", f"application/{kind}") for kind in types]
    for method, path, kind in sent:
        answer = target.send(method, path, _GARBAGE[name], Content_Type=kind)
        must_be_clear(answer.status, answer.json, (method, path, kind))


def _faulty() -> list[tuple[str, Any]]:
    cpu = ("1e999", "9" * 5000, "1e999999999", "1e-999999999", "0x1", "1Ki1", "\u0661", "", "-" * 1000, "1" * 200_000 + "m", "." * 1000)
    return [
        *(("quantity", {"resources": {"limits": {"cpu": value}}}) for value in cpu),
        *(("image", {"image": value}) for value in ("a/" * 100_000, ":" * 5000, "a@" * 5000, "\x00", "")),
        *(("name", {"name": value}) for value in ("a-" * 100_000, "a." * 100_000, "\u2028", "", "-")),
        *(("port", {"ports": [{"containerPort": value}]}) for value in (2**63, -(2**70), 1.5, "80", None, [], 1e300)),
    ]


@pytest.mark.parametrize(("what", "part"), _faulty())
def test_values_at_the_edge_are_judged_quickly(target: Attacked, what: str, part: dict[str, Any]) -> None:
    pod = {"metadata": {"name": "edge"}, "spec": {"containers": [{"name": "c", "image": "i", **part}]}}
    answer = target.send("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", json.dumps(pod))
    must_be_clear(answer.status, answer.json, what)
