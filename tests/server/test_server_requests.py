"""Requests and replies: forms, limits, methods, health, access, and what is refused by name."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import io
from typing import Any

import pytest
import yaml

from tests.server.http_server import NAMESPACE, TOKEN, World, run
from wherry.api.options import User
from wherry.server.authentication import Certificate, Certificates, Credentials, FirstOf, Tokens, certificate

PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


def test_stored_bytes_go_out_unchanged() -> None:
    async def body(made: World) -> None:
        record = await made.registry.store.get(f"configmaps/{NAMESPACE}/kube-root-ca.crt")
        assert record is not None
        answer = await made.call("GET", f"{PATH}/kube-root-ca.crt")
        assert answer.body == record.value + b"\n"
        listed = (await made.call("GET", PATH)).body
        assert record.value[len(b'{"kind":"ConfigMap","apiVersion":"v1",') :] in listed
        assert b'"items":[{"metadata"' in listed

    run(body)


def test_pretty_is_for_who_asks_and_for_human_clients() -> None:
    async def body(made: World) -> None:
        path = f"{PATH}/kube-root-ca.crt"
        plain = (await made.call("GET", path)).body
        for answer in (await made.call("GET", f"{path}?pretty=true"), await made.call("GET", path, User_Agent="curl/8")):
            assert answer.body.startswith(b'{\n  "kind"')
        assert (await made.call("GET", f"{path}?pretty=false", User_Agent="curl/8")).body == plain

    run(body)


def test_only_big_bodies_are_compressed_and_only_on_demand() -> None:
    run(_raw_gzip)


async def _raw_gzip(made: World) -> None:
    await made.make_object("configmaps", "big", data={"a": "x" * 200_000})
    for name, expected in (("big", True), ("kube-root-ca.crt", False)):
        head, content = await _raw(made, f"GET {PATH}/{name} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n")
        assert (b"Content-Encoding: gzip" in head) == expected
        assert (gzip.decompress(content) if expected else content).startswith(b'{"kind":"ConfigMap"')


async def _raw(made: World, head: str, body: bytes = b"") -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    writer.write(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".encode() + body)
    received = await reader.read()
    writer.close()
    first, _, rest = received.partition(b"\r\n\r\n")
    return first, rest


def test_yaml_goes_in_and_out() -> None:
    async def body(made: World) -> None:
        data = {"a": "1", "b": "x\ny\n", "c": "yes"}
        text = yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": data})
        answer = await made.call("POST", PATH, text, Content_Type="application/yaml", Accept="application/yaml")
        assert answer.status == 201
        assert answer.headers["Content-Type"] == "application/yaml"
        assert yaml.safe_load(answer.body)["data"] == data
        missing = await made.call("GET", f"{PATH}/none", Accept="application/yaml")
        assert yaml.safe_load(missing.body)["reason"] == "NotFound"

    run(body)


def test_protobuf_is_answered_in_json_when_the_client_takes_it() -> None:
    async def body(made: World) -> None:
        both = await made.call("GET", PATH, Accept="application/vnd.kubernetes.protobuf,application/json")
        assert both.headers["Content-Type"] == "application/json"
        only = await made.call("GET", PATH, Accept="application/vnd.kubernetes.protobuf")
        assert (only.status, only.json["reason"]) == (406, "NotAcceptable")

    run(body)


def test_what_has_no_table_is_not_answered_as_one() -> None:
    async def body(made: World) -> None:
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        asked = '{"spec":{"nonResourceAttributes":{"path":"/","verb":"get"}}}'
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        refused = await made.call("POST", path, asked, Accept=table)
        assert (refused.status, refused.json["reason"]) == (406, "NotAcceptable")
        answered = await made.call("POST", path, asked, Accept=f"{table},application/json")
        assert (answered.status, answered.json["kind"]) == (201, "SelfSubjectAccessReview")
        assert (await made.call("GET", PATH, Accept=table)).json["kind"] == "Table"

    run(body)


def test_a_body_beyond_three_mebibytes_is_refused() -> None:
    async def body(made: World) -> None:
        answer = await made.call("POST", PATH, io.BytesIO(b"x" * (3 * 1024 * 1024 + 1)))
        assert answer.status == 413
        assert answer.json["message"] == "Request entity too large: limit is 3145728"
        assert answer.json["reason"] == "RequestEntityTooLarge"
        assert (await made.call("GET", f"{PATH}/kube-root-ca.crt")).status == 200

    run(body)


def test_a_client_that_waits_before_its_body_is_told_to_go_on() -> None:
    async def body(made: World) -> None:
        content = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"expected"}}'
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: {len(content)}\r\n"
        first, rest = await _raw(made, head + "Content-Type: application/json\r\n", content)
        assert first == b"HTTP/1.1 100 Continue"
        assert rest.startswith(b"HTTP/1.1 201 Created")

    run(body)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE"])
def test_other_methods_are_not_allowed_on_resources(method: str) -> None:
    async def body(made: World) -> None:
        assert (await made.call(method, PATH)).status == 405
        assert (await made.call("HEAD", "/healthz", token=None)).status == 200

    run(body)


def test_paths_that_lead_nowhere() -> None:
    async def body(made: World) -> None:
        for path in ("/api/v1/nosuch", "/api/v9", "/apis/apps/v1/namespaces/a/deployments/b/nosuch", "/api/v1/namespaces/a/nodes",
                     "/api/v1/pods/name", "/api/v1/watch"):
            answer = await made.call("GET", path)
            assert (answer.status, answer.json["details"]) == (404, {}), path
        for path in ("/nosuch", "/apis/nosuch.io/v1/things", "/openapi/v9"):
            answer = await made.call("GET", path)
            assert (answer.status, answer.body) == (404, b"404 page not found\n"), path

    run(body)


def test_creating_in_all_namespaces_is_not_allowed() -> None:
    run(lambda made: _status(made, "POST", "/api/v1/configmaps", 405))


async def _status(made: World, method: str, path: str, expected: int) -> None:
    assert (await made.call(method, path)).status == expected


def test_aggregated_discovery_is_not_sent_again_to_who_has_it() -> None:
    async def body(made: World) -> None:
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
        first = await made.call("GET", "/apis", Accept=accept)
        again = await made.call("GET", "/apis", Accept=accept, If_None_Match=first.headers["ETag"])
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
        older = await made.call("GET", "/apis", Accept=accept.replace("v=v2", "v=v2beta1"))
        assert older.json["kind"] == "APIGroupList"

    run(body)


def test_kinds_stored_in_an_older_version_have_its_hash() -> None:
    async def body(made: World) -> None:
        async def hashes(group: str) -> dict[str, str]:
            listed = (await made.call("GET", f"/apis/{group}/v1")).json["resources"]
            return {each["name"]: each["storageVersionHash"] for each in listed if "storageVersionHash" in each}

        assert (await hashes("apiextensions.k8s.io"))["customresourcedefinitions"] == "jfWCUB31mvA="
        admission = await hashes("admissionregistration.k8s.io")
        assert admission["validatingwebhookconfigurations"] == "B0wHjQmsGNk="
        assert admission["mutatingadmissionpolicies"] == storage_hash("admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy")

    run(body)


def storage_hash(kind: str) -> str:
    return base64.b64encode(hashlib.sha256(kind.encode()).digest()[:8]).decode()


def test_a_pod_on_no_node_has_no_log_and_no_type_of_it() -> None:
    async def body(made: World) -> None:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        await made.call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", pod)
        answer = await made.call("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/p/log")
        assert (answer.status, answer.body, answer.headers.get("Content-Type")) == (204, b"", None)

    run(body)


def test_readiness_says_which_part_is_missing() -> None:
    async def body(made: World) -> None:
        assert (await made.call("GET", "/readyz", token=None)).body == b"ok"
        made.ready = {"store": True, "controllers": False}
        answer = await made.call("GET", "/readyz", token=None)
        assert (answer.status, answer.body) == (
            500, b"[+]ping ok\n[+]store ok\n[-]controllers failed: reason withheld\n[+]shutdown ok\nreadyz check failed\n")
        assert (await made.call("GET", "/readyz?exclude=controllers", token=None)).status == 200
        assert (await made.call("GET", "/readyz/store", token=None)).status == 200
        assert (await made.call("GET", "/livez?verbose", token=None)).body == b"[+]ping ok\nlivez check passed\n"

    run(body)


def test_requests_are_counted() -> None:
    async def body(made: World) -> None:
        await made.call("GET", PATH)
        text = (await made.call("GET", "/metrics")).body.decode()
        line = next(line for line in text.splitlines() if line.startswith("apiserver_request_total{") and 'resource="configmaps"' in line)
        assert line.endswith(" 1.0")
        assert 'verb="LIST"' in line
        assert 'code="200"' in line

    run(body)


def test_wrong_credentials_are_unauthorized_and_none_are_those_of_nobody() -> None:
    async def body(made: World) -> None:
        answer = await made.call("GET", PATH, token="wrong")
        assert (answer.status, answer.json["message"], answer.json["reason"]) == (401, "Unauthorized", "Unauthorized")
        for token in (None, ""):
            assert (await made.call("GET", PATH, token=token)).status == 403
        for path in ("/version", "/healthz", "/livez", "/readyz"):
            assert (await made.call("GET", path, token=None)).status == 200
        assert (await made.call("GET", "/version", token="wrong")).status == 401

    run(body)


def test_anonymous_requests_are_forbidden_or_not_let_in_at_all() -> None:
    async def body(made: World) -> None:
        answer = await made.call("GET", "/api/v1/namespaces", token=None)
        assert answer.status == 403
        assert answer.json["message"] == (
            'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope')

    async def not_let_in(made: World) -> None:
        assert (await made.call("GET", "/api/v1/namespaces", token=None)).status == 401

    run(body)
    run(not_let_in, anonymous=False)


def test_an_impersonated_user_has_only_that_users_rights() -> None:
    async def body(made: World) -> None:
        assert (await made.call("GET", PATH, Impersonate_User="bob")).status == 403
        assert (await made.call("GET", PATH, Impersonate_User="bob", Impersonate_Group="system:masters")).status == 200
        assert (await made.call("GET", "/apis", Impersonate_User="bob")).status == 200

    run(body)


def test_a_client_certificate_names_its_user_and_groups() -> None:
    peer = {"subject": ((("organizationName", "system:masters"),), (("organizationName", "ops"),), (("commonName", "ann"),))}
    found = certificate(peer)
    assert found == Certificate("ann", ("system:masters", "ops"))
    known = FirstOf((Certificates(), Tokens({"t": User("bob")})))
    assert known.authenticate(Credentials(certificate=found)) == User("ann", groups=("system:masters", "ops", "system:authenticated"))
    assert known.authenticate(Credentials("t")) == User("bob")
    assert known.authenticate(Credentials("u")) is None


def test_the_insecure_port_asks_nobody_and_is_local_only() -> None:
    async def body(made: World) -> None:
        made.port = await made.server.start_insecure()
        assert (await made.call("GET", PATH, token=None)).status == 200
        with pytest.raises(ValueError, match="loopback"):
            await made.server.start_insecure("0.0.0.0")

    run(body)


def _pod(**status: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]}, "status": status}


def test_logs_of_simulated_containers_say_what_they_are() -> None:
    from wherry.server.gateway import LogOptions, Simulated

    async def inside() -> None:
        pod = {"metadata": {"name": "p", "namespace": "n"}, **_pod(containerStatuses=[{"name": "a", "state": {"running": {}}}])}
        text = b"".join([piece async for piece in Simulated().logs(pod, "a", LogOptions())])
        assert text == b"wherry: container a of pod n/p is simulated: no process runs, nothing is logged\n"

    asyncio.run(inside())


def test_which_container_a_log_is_of() -> None:
    from wherry.api.errors import BadRequest
    from wherry.server.pod_requests import container_of

    pod = {"metadata": {"name": "p"}, **_pod()}
    assert container_of(pod, "b") == "b"
    with pytest.raises(BadRequest, match=r"a container name must be specified for pod p, choose one of: \[a b\]"):
        container_of(pod, "")
    with pytest.raises(BadRequest, match="container c is not valid for pod p"):
        container_of(pod, "c")


async def _running_pod(made: World) -> None:
    from wherry.api.options import ADMIN, DEFAULT_WRITE, MERGE_PATCH, Target
    from wherry.api.resources import resource

    pods = resource("pods")
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "a", "image": "i"}]}}
    await made.registry.create(Target(pods, NAMESPACE), pod, DEFAULT_WRITE, ADMIN)
    status = {"status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}}
    await made.registry.patch(Target(pods, NAMESPACE, "p", "status"), MERGE_PATCH, status, DEFAULT_WRITE, ADMIN)


@pytest.mark.parametrize("subresource", ["exec", "attach", "portforward", "proxy/index.html"])
def test_what_needs_a_connection_to_a_container_is_refused_by_name(subresource: str) -> None:
    async def body(made: World) -> None:
        answer = await made.call("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/p/{subresource}")
        assert (answer.status, answer.json["message"]) == (404, 'pods "p" not found')
        await _running_pod(made)
        answer = await made.call("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/p/{subresource}?container=a&command=ls")
        assert answer.status == 501
        assert answer.json["message"].startswith(f"wherry does not serve pods/{subresource.partition('/')[0]} here: ")
        assert "is simulated: no process runs" in answer.json["message"]

    run(body)


def test_deprecated_kinds_are_served_with_a_warning() -> None:
    async def body(made: World) -> None:
        answer = await made.call("GET", f"/api/v1/namespaces/{NAMESPACE}/endpoints")
        assert answer.headers["Warning"] == '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'

    run(body)


def test_a_fault_of_ours_is_a_status_and_the_connection_lives_on(caplog: pytest.LogCaptureFixture) -> None:
    async def body(made: World) -> None:
        async def broken(*_: object) -> None:
            raise RuntimeError("broken")

        original, made.registry.get = made.registry.get, broken  # type: ignore[method-assign, assignment]
        answer = await made.call("GET", f"{PATH}/x")
        assert (answer.status, answer.json["message"]) == (500, "Internal error occurred: broken")
        made.registry.get = original  # type: ignore[method-assign]
        assert (await made.call("GET", f"{PATH}/kube-root-ca.crt")).status == 200

    run(body)
    assert "broken" in caplog.text


@pytest.mark.parametrize("token", ["é", "%C3%A9", "a", "a" * 5000])
def test_a_token_among_websocket_protocols_that_is_none_is_unauthorized(token: str) -> None:
    async def test(world: World) -> None:
        answer = await raw_request(world, f"GET /api/v1/pods HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Protocol: {_PROTOCOL}{token}\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 401 ")

    run(test)


_PROTOCOL = "base64url.bearer.authorization.k8s.io."


@pytest.mark.parametrize("target", ["http://any.example/readyz", "HTTPS://any.example:6443/readyz?verbose", "http://any.example/readyz?x=/y"])
def test_a_target_in_absolute_form_is_the_same_as_its_path(target: str) -> None:
    async def test(world: World) -> None:
        assert (await raw_request(world, f"GET {target} HTTP/1.1\r\nHost: any.example\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert (await raw_request(world, "GET http://any.example/nowhere HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 403 ")

    run(test)


async def raw_request(world: World, text: str) -> bytes:
    """What a server says first to exactly these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    try:
        writer.write(text.encode())
        return await asyncio.wait_for(reader.readline(), 10)
    finally:
        writer.close()
