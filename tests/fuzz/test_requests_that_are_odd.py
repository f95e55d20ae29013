"""Queries, paths, headers and methods made at random: every answer is clear, and the server goes on."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.fuzz_world import Attacked, must_be_clear, parsed
from tests.server.http_server import NAMESPACE

CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
ordinary = settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_NUMBERS = st.sampled_from(("0", "1", "-1", "-0", "+5", "1e3", "9" * 30, "9" * 5000, str(2**63 - 1), str(2**63), "0x1", " 1", "\u0661", ""))
_WORDS = st.sampled_from(
    ("true", "false", "All", "Exact", "NotOlderThan", "Strict", "Orphan", "metadata.name=x", "a in (b,", "a==b,!c", "\\", "%")
)
_TEXTS = st.text(st.characters(codec=None), max_size=12) | st.text("a=!,()\\ in%.-/", max_size=20)
_NAMES = st.sampled_from(
    (
        "limit",
        "continue",
        "resourceVersion",
        "resourceVersionMatch",
        "labelSelector",
        "fieldSelector",
        "timeoutSeconds",
        "allowWatchBookmarks",
        "sendInitialEvents",
        "dryRun",
        "fieldManager",
        "fieldValidation",
        "force",
        "pretty",
        "gracePeriodSeconds",
        "propagationPolicy",
        "orphanDependents",
        "uid",
        "includeObject",
        "x",
    )
)
_QUERIES = st.lists(st.tuples(_NAMES, _NUMBERS | _WORDS | _TEXTS), max_size=5).map(
    lambda pairs: "&".join(f"{name}={quote(value, errors='surrogatepass')}" for name, value in pairs)
)
_BODY = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"odd"}}'


@ordinary
@example("GET", "watch=1&timeoutSeconds=1&resourceVersion=" + "9" * 5000)
@example("GET", "continue=" + quote("\0\x7f"))
@given(st.sampled_from(("GET", "POST", "PUT", "PATCH", "DELETE", "DELETE-ALL")), _QUERIES)
def test_queries(target: Attacked, method: str, query: str) -> None:
    path = CONFIG_MAPS if method in ("GET", "POST", "DELETE-ALL") else f"{CONFIG_MAPS}/odd"
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    answer = target.send(
        method.removesuffix("-ALL"), f"{path}?{query}", _BODY if method in ("POST", "PUT", "PATCH") else None, Content_Type=kind
    )
    must_be_clear(answer.status, answer.json if answer.status >= 400 else None, (method, query))


_SEGMENTS = (
    "api", "apis", "v1", "apps", "namespaces", NAMESPACE, "configmaps", "deployments", "watch", "status", "scale", "proxy", "log",
    "exec", "healthz",
    "readyz", "livez", "metrics", "version", "openapi", "v2", "v3", ".well-known", "openid", "customresourcedefinitions",
    "apiextensions.k8s.io",
)  # fmt: skip
_PATHS = st.lists(
    st.sampled_from(_SEGMENTS)
    | st.sampled_from(("", ".", "..", "%00", "%2e%2e", "%2f", "%ff", "%zz", "%", ";x", "a:b:c:d", "*", "a" * 2000))
    | st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#"), min_size=1, max_size=5),
    max_size=8,
)


@ordinary
@given(st.sampled_from(("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "FOO", "get")), _PATHS)
def test_paths(target: Attacked, method: str, segments: list[str]) -> None:
    code, body = target.request(f"{method} /{'/'.join(segments)}?timeoutSeconds=1")
    if method != "HEAD":
        must_be_clear(code, body, (method, segments))
    assert code != 500


@pytest.mark.parametrize(
    "line", ["GET", "GET /", " / ", "GET  /version", "GET * ", "GET http://x/version", "GET /a b", "G\tT /", "A" * 5000 + " /"]
)
def test_request_lines(target: Attacked, line: str) -> None:
    must_be_clear(*target.request(line), line)


def test_paths_that_are_too_long(target: Attacked) -> None:
    assert target.request(f"GET /api/v1/namespaces/{'x' * 100_000}")[0] == 404
    code, status = target.request(f"GET /api/v1/namespaces/{'x' * 300_000}")
    assert (code, status["code"]) == (431, 431)
    assert status["message"] == "Request header fields too large"


_VALUES = st.sampled_from(
    ("", "*", "*/*", "/", ";", ",,,", "application/json", "application/json;as=Table;g=meta.k8s.io;v=v9", "application/yaml;q=nan",
    "text/html",
     "application/vnd.kubernetes.protobuf", "Bearer", "Bearer x.y.z", "Basic !!!", "Bearer eyJhbGciOiJub25lIn0.e30.", "gzip;q=0",
     "websocket",
     "Upgrade", "100-continue", "-5", "a, b", "\xff\xfe", "\xc3\xa9", "a" * 5000, '"', "system:serviceaccount:a:b:c", "system:masters")
) | st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=15)  # fmt: skip
_HEADERS = st.dictionaries(
    st.sampled_from((
        "Accept", "Accept-Encoding", "Authorization", "Audit-ID", "Connection", "Content-Type", "Expect", "If-None-Match",
        "Impersonate-User",
        "Impersonate-Group", "Impersonate-Uid", "Impersonate-Extra-%zz", "Origin", "Upgrade", "User-Agent", "X-Forwarded-For",
        "Sec-WebSocket-Key",
    )),
    _VALUES,
    max_size=5,
)  # fmt: skip


@ordinary
@given(st.sampled_from((CONFIG_MAPS, f"{CONFIG_MAPS}/none", "/version", "/openapi/v2", "/apis", "/healthz", "/nowhere")), _HEADERS)
def test_headers(target: Attacked, path: str, headers: dict[str, str]) -> None:
    headers.setdefault("Connection", "close")
    if headers["Connection"] != "close":
        headers["Connection"] += ", close"
    code, body = target.request(f"GET {path}", **headers)
    accepted = headers.get("Accept", "")
    if "yaml" not in accepted:
        must_be_clear(code, body, (path, headers))
    assert code != 500, body


@pytest.mark.parametrize(("count", "size"), [(200, 1), (100_000, 1), (1, 300_000), (1, 5_000_000), (100, 200_000)])
def test_header_floods(target: Attacked, count: int, size: int) -> None:
    flood = b"".join(b"X-%d: %b\r\n" % (i, b"y" * size) for i in range(count))
    answer = target.raw(b"GET /version HTTP/1.1\r\nHost: x\r\n" + flood + b"\r\n", half=False)
    # a client that goes on sending after it was refused may find its connection cut before it reads
    assert not answer or answer.startswith(b"HTTP/1.1 431 ")
    target.alive()


_FRAMES = {
    "two lengths": b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
    "length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"Content-Length: -3\r\n\r\n",
    "huge length": b"Content-Length: 99999999999999999999999999\r\n\r\n",
    "unknown coding": b"Transfer-Encoding: foo\r\n\r\n",
    "wrong chunk": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "wrong later chunk": b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n",
    "wrong header": b"X y\r\n\r\n",
    "nul": b"X: \x00\r\n\r\n",
    "folded": b"X: a\r\n b\r\n\r\n",
}


@pytest.mark.parametrize("name", sorted(_FRAMES))
def test_frames_that_are_no_http(target: Attacked, name: str) -> None:
    answer = target.raw(b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\n" + _FRAMES[name], half=False)
    head, _, _ = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4"), answer
    target.alive()


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(range(256)) * 9]
)
def test_other_protocols(target: Attacked, noise: bytes) -> None:
    code, status = parsed(target.raw(noise, half=False))
    assert code == 400
    assert status["reason"] == "BadRequest"


@pytest.mark.parametrize("key", ["", "Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"])
def test_websocket_handshakes_that_are_wrong(target: Attacked, key: str) -> None:
    code, status = target.request(
        f"GET {CONFIG_MAPS}?watch=1&timeoutSeconds=1", Connection="Upgrade, close", Upgrade="websocket", **dict(_pairs(key))
    )
    assert (code, status["reason"]) == (400, "BadRequest")


def _pairs(lines: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (line.partition(": ") for line in lines.splitlines())]
