"""A registry for tests, on loopback: what the distribution protocol says about pulling, with tokens, and with faults on demand."""

from __future__ import annotations

import asyncio
import base64
import json

from aiohttp import web

from tests.node.images.make import MANIFEST, Made, digest


class SmallRegistry:
    """`asked`: the requests so far. Faults: bytes after which a blob is `cut`, a digest whose bytes `lie`, `hang`."""

    def __init__(self, user: str = "", password: str = ""):
        self.asked: list[str] = []
        self.cut = 0
        self.lie = ""
        self.hang = False
        self.ranges = True
        self._user, self._password = user, password
        self._blobs: dict[str, bytes] = {}
        self._manifests: dict[str, tuple[str, bytes]] = {}

    async def __aenter__(self) -> SmallRegistry:
        app = web.Application()
        app.router.add_get("/token", self._token)
        app.router.add_get("/v2/{path:.+}/manifests/{reference}", self._manifest)
        app.router.add_get("/v2/{path:.+}/blobs/{digest}", self._blob)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def add(self, path: str, tag: str, made: Made) -> str:
        """The name to pull it by."""
        self._blobs.update(made.blobs)
        for reference in (tag, made.digest):
            self._manifests[f"{path}:{reference}"] = (MANIFEST, made.manifest)
        return f"{self.host}/{path}:{tag}"

    def add_index(self, path: str, tag: str, **by_architecture: Made) -> str:
        entries = []
        for architecture, made in by_architecture.items():
            self.add(path, f"only-{architecture}", made)
            entries.append({"mediaType": MANIFEST, "digest": made.digest, "size": len(made.manifest),
                            "platform": {"os": "linux", "architecture": architecture}})
        kind = "application/vnd.oci.image.index.v1+json"
        data = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).encode()
        for reference in (tag, digest(data)):
            self._manifests[f"{path}:{reference}"] = (kind, data)
        return f"{self.host}/{path}:{tag}"

    def replace_manifest(self, path: str, tag: str, data: bytes) -> None:
        self._manifests[f"{path}:{tag}"] = (MANIFEST, data)

    # --- what it serves ---
    async def _token(self, request: web.Request) -> web.Response:
        self.asked.append("token")
        wanted = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        good = request.headers.get("Authorization", "") == f"Basic {wanted}"
        return web.json_response({"token": f"for {request.query['scope']}" if good else "nobody"})

    def _refused(self, request: web.Request) -> web.Response | None:
        path = request.match_info["path"]
        if not self._user or request.headers.get("Authorization") == f"Bearer for repository:{path}:pull":
            return None
        challenge = f'Bearer realm="http://{self.host}/token",service="small",scope="repository:{path}:pull"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async def _manifest(self, request: web.Request) -> web.Response:
        self.asked.append(f"manifest {request.match_info['reference']}")
        if self.hang:
            await asyncio.Event().wait()
        if refused := self._refused(request):
            return refused
        found = self._manifests.get(f"{request.match_info['path']}:{request.match_info['reference']}")
        if found is None:
            return web.json_response({"errors": [{"code": "MANIFEST_UNKNOWN"}]}, status=404)
        return web.Response(body=found[1], content_type=found[0])

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["digest"]
        start = int(request.headers.get("Range", "bytes=0-")[6:].rstrip("-")) if self.ranges else 0
        self.asked.append(f"blob {wanted} {start}")
        if refused := self._refused(request):
            return refused
        data = self._blobs[wanted][start:]
        if wanted == self.lie:
            data = bytes(len(data))
        answer = web.StreamResponse(status=206 if start else 200, headers={"Content-Length": str(len(data))})
        await answer.prepare(request)
        if self.cut and len(data) > self.cut:
            await answer.write(data[:self.cut])
            assert request.transport is not None
            request.transport.close()
            return answer
        await answer.write(data)
        return answer
