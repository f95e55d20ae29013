"""kubectl with default flags reads our OpenAPI documents: explain, create, apply, diff and `kind: List` work on them.

The server here is a throw-away: discovery of two group versions, a dict of objects, a plain merge for patches.
`$KUBECTL` names another kubectl to try.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from wherry.api.resources import TABLE, Resource
from wherry.server.openapi import documents as openapi

pytestmark = pytest.mark.kubectl

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: "nginx:1.21", env: [{name: A, value: "1"}]}
      - {name: side, image: "busybox:1"}
"""
SERVED = (("", "v1"), ("apps", "v1"))


class Server:
    """Objects by path, and what was asked."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.patches: list[tuple[str, dict[str, Any]]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if request.path.startswith("/openapi"):
            return self._openapi(request)
        if (discovery := _discovery(request.path)) is not None:
            return web.json_response(discovery)
        return await self._objects(request)

    def _openapi(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/openapi/v3":
            return web.Response(body=openapi.index(TABLE), content_type="text/plain")
        if request.path == "/openapi/v2":
            if request.headers.get("Accept") in openapi.PROTOBUF_V2_ASKED:
                return web.Response(body=openapi.v2_protobuf(TABLE), headers={"Content-Type": openapi.PROTOBUF_V2})
            return web.Response(body=openapi.v2(TABLE), content_type="application/json")
        body = openapi.document(TABLE, request.path.removeprefix("/openapi/v3/"))
        return web.Response(body=body, content_type="application/json") if body else web.Response(status=404)

    async def _objects(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            obj = await request.json()
            self.objects[f"{request.path}/{obj['metadata']['name']}"] = obj
            return web.json_response(obj, status=201)
        if request.path not in self.objects:
            return web.json_response(
                {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}, status=404
            )
        if request.method == "PATCH":
            patch = json.loads(await request.read())
            self.patches.append((request.content_type, patch))
            changed = _merged(self.objects[request.path], patch)
            if "dryRun" not in request.query:
                self.objects[request.path] = changed
            return web.json_response(changed)
        return web.json_response(self.objects[request.path])


def _merged(old: Any, patch: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(patch, dict)):
        return patch
    plain = {key: value for key, value in patch.items() if not key.startswith("$")}
    return {**old, **{key: _merged(old.get(key), value) for key, value in plain.items()}}


def _discovery(path: str) -> dict[str, Any] | None:
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        version = {"groupVersion": "apps/v1", "version": "v1"}
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [{"name": "apps", "versions": [version], "preferredVersion": version}],
        }
    for group, version in SERVED:
        if path == (f"/apis/{group}/{version}" if group else f"/api/{version}"):
            rows = [row for row in TABLE if (row.group, row.version) == (group, version)]
            return {"kind": "APIResourceList", "groupVersion": rows[0].api_version, "resources": [_row(row) for row in rows]}
    return None


def _row(row: Resource) -> dict[str, Any]:
    return {
        "name": row.plural, "singularName": row.singular, "namespaced": row.namespaced, "kind": row.kind, "verbs": list(row.verbs),
        "shortNames": list(row.short_names),
    }  # fmt: skip


class Result(NamedTuple):
    rc: int
    out: str
    err: str


Kubectl = Callable[..., Awaitable[Result]]


def _play(tmp_path: Path, scenario: Callable[[Server, Kubectl], Awaitable[None]]) -> None:
    async def main() -> None:
        server = Server()
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", server.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]

        async def kubectl(*args: str, stdin: str = "") -> Result:
            command = (os.environ.get("KUBECTL", "kubectl"), "--server", f"http://{host}:{port}", "--cache-dir", str(tmp_path / "cache"))
            environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(*command, *args, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
            out, err = await process.communicate(stdin.encode())
            return Result(process.returncode or 0, out.decode(), err.decode())

        try:
            await scenario(server, kubectl)
        finally:
            await runner.cleanup()

    asyncio.run(main())


def test_explain_finds_fields_and_descriptions(tmp_path: Path) -> None:
    async def scenario(server: Server, kubectl: Kubectl) -> None:
        result = await kubectl("explain", "deployment.spec.strategy.rollingUpdate.maxSurge")
        assert result.rc == 0, result.err
        assert "IntOrString" in result.out
        assert "maximum number of pods" in result.out
        recursive = await kubectl("explain", "pod.spec.containers", "--recursive")
        assert recursive.rc == 0, recursive.err
        assert "imagePullPolicy" in recursive.out
        strategy = await kubectl("explain", "deployment.spec.strategy", "--recursive")
        assert "enum: Recreate, RollingUpdate" in strategy.out, strategy.err

    _play(tmp_path, scenario)


def test_create_leaves_strict_validation_to_the_server(tmp_path: Path) -> None:
    async def scenario(server: Server, kubectl: Kubectl) -> None:
        result = await kubectl("create", "-f", "-", stdin=DEPLOYMENT)
        assert result.rc == 0, result.err
        assert result.out == "deployment.apps/web created\n"

    _play(tmp_path, scenario)


def test_second_apply_sends_a_strategic_patch_by_merge_keys(tmp_path: Path) -> None:
    async def scenario(server: Server, kubectl: Kubectl) -> None:
        first = await kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
        assert first.rc == 0, first.err
        second = await kubectl("apply", "-f", "-", stdin=DEPLOYMENT.replace("nginx:1.21", "nginx:1.22"))
        assert second.rc == 0, second.err
        assert "warning" not in second.err.lower()
        media, patch = server.patches[0]
        assert media == "application/strategic-merge-patch+json"
        pod = patch["spec"]["template"]["spec"]
        assert pod["$setElementOrder/containers"] == [{"name": "main"}, {"name": "side"}]
        assert pod["containers"] == [{"image": "nginx:1.22", "name": "main"}]

    _play(tmp_path, scenario)


def test_diff_shows_the_change(tmp_path: Path) -> None:
    async def scenario(server: Server, kubectl: Kubectl) -> None:
        assert (await kubectl("apply", "-f", "-", stdin=DEPLOYMENT)).rc == 0
        result = await kubectl("diff", "-f", "-", stdin=DEPLOYMENT.replace("nginx:1.21", "nginx:1.22"))
        assert result.rc == 1, result.err
        assert "+      - image: nginx:1.22" in result.out

    _play(tmp_path, scenario)


def test_list_is_checked_by_kubectl_with_version_2(tmp_path: Path) -> None:
    item = "\n".join(f"  {line}" if line else line for line in DEPLOYMENT.strip().splitlines())
    listed = f"apiVersion: v1\nkind: List\nitems:\n-{item[1:]}\n"

    async def scenario(server: Server, kubectl: Kubectl) -> None:
        good = await kubectl("create", "-f", "-", stdin=listed)
        assert good.rc == 0, good.err
        bad = await kubectl("create", "-f", "-", stdin=listed.replace("selector:", "selectors: {}\n    selector:"))
        assert bad.rc == 1
        assert 'unknown field "selectors" in io.k8s.api.apps.v1.DeploymentSpec' in bad.err
        assert "GET /openapi/v2" in server.asked

    _play(tmp_path, scenario)
