"""Bodies in protobuf, as kubectl sends them, become the same objects as bodies in JSON."""

from __future__ import annotations

from tests.server.http_server import NAMESPACE, World, run

PROTOBUF = "application/vnd.kubernetes.protobuf"


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(api_version: str, kind: str, *parts: bytes) -> bytes:
    return b"k8s\x00" + field(1, field(1, api_version) + field(2, kind)) + field(2, b"".join(parts))


def entry(key: str, value: bytes | str) -> bytes:
    return field(1, key) + field(2, value)


META = field(1, field(1, "cm") + field(8, b"") + field(11, entry("app", "x")))


def test_kubectl_creates_and_is_answered_in_json() -> None:
    async def play(made: World) -> None:
        path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
        answer = await made.call("POST", path, body("v1", "ConfigMap", META, field(2, entry("a", "1"))), Content_Type=PROTOBUF,
                                 Accept=f"{PROTOBUF},application/json")
        assert (answer.status, answer.headers["Content-Type"]) == (201, "application/json")
        assert answer.json["data"] == {"a": "1"}
        assert answer.json["metadata"]["labels"] == {"app": "x"}
        options = body("v1", "DeleteOptions", field(4, "Background"))
        assert (await made.call("DELETE", f"{path}/cm", options, Content_Type=PROTOBUF)).json["status"] == "Success"

    run(play)
