"""API servers behind Services: requests handed on as the user who asks, discovery with theirs, and what is said when they are silent."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.server.http_server import World, world
from wherry.cluster import certificates
from wherry.registry.outside.calls import CallFailed
from wherry.server.other_servers import OtherServers, Way, path

NAMESPACE = "server-tests"
THINGS = {"kind": "APIResourceList", "groupVersion": "zz.test/v1", "resources": [
    {"name": "things", "singularName": "thing", "namespaced": True, "kind": "Thing", "verbs": ["get", "list"], "shortNames": ["th"]},
    {"name": "things/scale", "singularName": "", "namespaced": True, "group": "autoscaling", "version": "v1", "kind": "Scale",
     "verbs": ["get"]}]}  # fmt: skip


class Other:
    """The other server: `seen` are the requests that came, with the name in the certificate of who sent them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[tuple[str, str, dict[str, str], str]] = []
        self.port = 0
        self.refused = 0
        self.authority = certificates.Authority(*certificates.make_ca())
        for name, hosts in (("server", ("a.server-tests.svc",)), ("front-proxy-client", ())):
            crt, key = certificates.issue(self.authority, name, organizations=(), hosts=hosts, days=1)
            (folder / f"{name}.crt").write_bytes(crt)
            (folder / f"{name}.key").write_bytes(key)
        (folder / "ca.crt").write_bytes(self.authority.certificate)

    def context(self) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.folder / "server.crt", self.folder / "server.key")
        made.load_verify_locations(self.folder / "ca.crt")
        made.verify_mode = ssl.CERT_REQUIRED
        return made

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        subject = dict(part[0] for part in request.transport.get_extra_info("peercert")["subject"])
        told = {name: ",".join(request.headers.getall(name)) for name in request.headers}
        self.seen.append((request.method, request.path_qs, told, subject["commonName"]))
        if request.path == "/apis/zz.test/v1":
            return web.json_response(THINGS)
        if "watch" in request.query:
            stream = web.StreamResponse()
            await stream.prepare(request)
            for number in range(3):
                await stream.write(b'{"number":%d}\n' % number)
            return stream
        thing = {"kind": "Thing", "body": (await request.read()).decode()}
        return web.json_response(thing, status=201 if request.method == "POST" else 200)

    async def dial(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if host == "10.244.9.9":
            self.refused += 1
            raise ConnectionRefusedError(111, "Connection refused")
        return await asyncio.open_connection("127.0.0.1", self.port)


def api_service(bundle: bytes, status: str = "True", **more: Any) -> dict[str, Any]:
    spec = {"group": "zz.test", "version": "v1", "groupPriorityMinimum": 10, "versionPriority": 10,
            "service": {"name": "a", "namespace": NAMESPACE}, "caBundle": base64.b64encode(bundle).decode(), **more}  # fmt: skip
    conditions = [{"type": "Available", "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.zz.test"}, "spec": spec,
            "status": {"conditions": conditions}}  # fmt: skip


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[World, Other]]:
    """The other server has two endpoints, of which one refuses."""
    other = Other(folder)
    runner = web.ServerRunner(web.Server(other.answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=other.context())
    await site.start()
    assert site._server is not None
    other.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    async with world() as made:
        paths = folder / "front-proxy-client.crt", folder / "front-proxy-client.key"
        made.server.elsewhere.servers = OtherServers(made.registry.store, Way(other.dial, lambda: paths))
        await made.make_object("services", "a", spec={"ports": [{"port": 443, "targetPort": 8443}]})
        meta = {"name": "a-1", "labels": {"kubernetes.io/service-name": "a"}}
        endpoints = [{"addresses": ["10.244.9.9"]}, {"addresses": ["10.244.0.2"]}]
        slice_ = {"metadata": meta, "addressType": "IPv4", "ports": [{"name": "", "port": 8443}], "endpoints": endpoints}
        assert (await made.call("POST", f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices", slice_)).status == 201
        await _register(made, api_service(other.authority.certificate))
        try:
            yield made, other
        finally:
            await runner.cleanup()


async def _register(made: World, wanted: dict[str, Any]) -> None:
    at = "/apis/apiregistration.k8s.io/v1/apiservices"
    await made.call("DELETE", f"{at}/v1.zz.test")
    answer = await made.call("POST", at, wanted)
    assert answer.status == 201, answer.body
    assert (await made.call("PUT", f"{at}/v1.zz.test/status", {**answer.json, "status": wanted["status"]})).status == 200


Story = Callable[[World, Other], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def whole() -> None:
        async with running(folder) as (made, other):
            await story(made, other)

    asyncio.run(whole())


def test_a_request_is_handed_on_as_the_user_who_asks_and_nobody_can_lie_about_that(tmp_path: Path) -> None:
    async def story(made: World, other: Other) -> None:
        at = f"/apis/zz.test/v1/namespaces/{NAMESPACE}/things?limit=5&continue=a%20b"
        answer = await made.call("POST", at, {"x": 1}, X_Remote_User="root", X_Remote_Group="lies", X_Remote_Extra_Scopes="lies")
        assert (answer.status, answer.json) == (201, {"kind": "Thing", "body": '{"x": 1}'})
        [(method, target, told, sender)] = other.seen
        assert (method, target, sender) == ("POST", at, "front-proxy-client")
        assert (told["X-Remote-User"], told["X-Remote-Group"]) == ("admin", "system:masters,system:authenticated")
        assert not {"Authorization", "X-Remote-Extra-Scopes"} & set(told)
        assert told["X-Remote-Uid"] == "1"

    play(tmp_path, story)


def test_whom_somebody_impersonates_is_who_asks(tmp_path: Path) -> None:
    async def story(made: World, other: Other) -> None:
        whom = {"Impersonate_User": "eve", "Impersonate_Group": "system:masters", "Impersonate_Extra_a%2fb": "c"}
        answer = await made.call("GET", "/apis/zz.test/v1/namespaces/n/things", **whom)
        assert answer.status == 200, answer.body
        told = other.seen[0][2]
        assert (told["X-Remote-User"], told["X-Remote-Group"]) == ("eve", "system:masters,system:authenticated")
        assert told["X-Remote-Extra-a%2Fb"] == "c"
        assert not any(name.lower().startswith("impersonate") for name in told)

    play(tmp_path, story)


def test_who_may_not_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    async def story(made: World, other: Other) -> None:
        answer = await made.call("GET", f"/apis/zz.test/v1/namespaces/{NAMESPACE}/things", Impersonate_User="eve")
        assert answer.status == 403
        assert 'cannot list resource "things" in API group "zz.test" in the namespace "server-tests"' in answer.json["message"]
        assert other.seen == []

    play(tmp_path, story)


def test_a_watch_comes_piece_by_piece_and_endpoints_that_refuse_are_passed_over(tmp_path: Path) -> None:
    async def story(made: World, other: Other) -> None:
        for _ in range(4):
            answer = await made.call("GET", "/apis/zz.test/v1/things?watch=1")
            assert answer.lines == [{"number": 0}, {"number": 1}, {"number": 2}]
        assert other.refused == 2

    play(tmp_path, story)


def test_its_groups_are_in_both_forms_of_discovery(tmp_path: Path) -> None:
    async def story(made: World, other: Other) -> None:
        groups = {each["name"]: each for each in (await made.call("GET", "/apis")).json["groups"]}
        version = {"groupVersion": "zz.test/v1", "version": "v1"}
        assert groups["zz.test"] == {"name": "zz.test", "versions": [version], "preferredVersion": version}
        assert (await made.call("GET", "/apis/zz.test")).json == {"kind": "APIGroup", "apiVersion": "v1", **groups["zz.test"]}
        assert (await made.call("GET", "/apis/zz.test/v1")).json == THINGS
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        items = {each["metadata"]["name"]: each for each in (await made.call("GET", "/apis", Accept=accept)).json["items"]}
        scale = {"subresource": "scale", "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}, "verbs": ["get"]}
        assert items["zz.test"]["versions"] == [{"version": "v1", "freshness": "Current", "resources": [
            {"resource": "things", "responseKind": {"group": "zz.test", "version": "v1", "kind": "Thing"}, "scope": "Namespaced",
             "singularResource": "thing", "verbs": ["get", "list"], "shortNames": ["th"], "subresources": [scale]}]}]  # fmt: skip

    play(tmp_path, story)


def test_what_a_server_served_before_it_fell_silent_is_shown_as_stale(tmp_path: Path) -> None:
    async def story(made: World, other: Other) -> None:
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        await made.call("GET", "/apis", Accept=accept)
        at = "/apis/apiregistration.k8s.io/v1/apiservices/v1.zz.test"
        found = (await made.call("GET", at)).json
        found["status"]["conditions"][0]["status"] = "False"
        assert (await made.call("PUT", f"{at}/status", found)).status == 200
        [item] = [e for e in (await made.call("GET", "/apis", Accept=accept)).json["items"] if e["metadata"]["name"] == "zz.test"]
        assert (item["versions"][0]["freshness"], len(item["versions"][0]["resources"])) == ("Stale", 1)
        answer = await made.call("GET", "/apis/zz.test/v1/things")
        assert (answer.status, answer.body) == (503, b"service unavailable\n")

    play(tmp_path, story)


def test_why_a_server_does_not_answer_is_said_as_it_is(tmp_path: Path) -> None:
    async def story(made: World, other: Other) -> None:
        servers = made.server.elsewhere.servers
        assert servers is not None

        async def why(wanted: dict[str, Any]) -> str:
            with pytest.raises(CallFailed) as error:
                await servers.get(wanted, path(wanted))
            return str(error.value)

        url = "https://a.server-tests.svc:443/apis/zz.test/v1"
        stranger = certificates.make_ca()[0]
        assert json.loads(await servers.get(api_service(b"", insecureSkipTLSVerify=True), "/apis/zz.test/v1")) == THINGS
        assert await why(api_service(b"no certificate")) == (
            f"failing or missing response from {url}: unable to load root certificates: unable to parse bytes as PEM block"
        )
        assert "certificate verify failed" in await why(api_service(stranger))
        nowhere = api_service(b"", service={"name": "b", "namespace": NAMESPACE})
        assert await why(nowhere) == f'failing or missing response from {url.replace("a.", "b.", 1)}: service "b" not found'

    play(tmp_path, story)


