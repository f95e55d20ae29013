"""What tests of the ingress controller stand on: a cluster of one real node, web servers in its pods, and a client outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from wherry import Cluster
from wherry.api.resources import resource

Obj = dict[str, Any]
INGRESSES = resource("ingresses", "networking.k8s.io")
DEPLOYMENTS = resource("deployments", "apps")

#: answers with what it got; ends as a web server should: no new connections, what is under way is finished
SERVER = """
import http.server, json, os, signal, socket, threading, time
slow = 0
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        global slow
        if self.path.startswith("/count"):
            body = b"%d" % slow
            self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body); return
        if self.path.startswith("/slow"):
            slow += 1
            self.send_response(200); self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
            for at in range(5):
                self.wfile.write(b"2\\r\\n%d\\n\\r\\n" % at); self.wfile.flush(); time.sleep(0.1)
            self.wfile.write(b"0\\r\\n\\r\\n"); return
        if self.path.startswith("/broken"):
            self.send_response(200); self.send_header("Content-Length", "10"); self.end_headers()
            self.wfile.write(b"half"); self.wfile.flush(); self.close_connection = True; return
        if self.path.startswith("/drop"):
            self.close_connection = True; return
        if self.headers.get("Upgrade") == "echo":
            self.send_response(101); self.send_header("Upgrade", "echo"); self.send_header("Connection", "Upgrade"); self.end_headers()
            while (data := self.connection.recv(4096)):
                self.connection.sendall(data)
            self.close_connection = True; return
        self.answer(b"")
    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while (size := int(self.rfile.readline(), 16)):
                data += self.rfile.read(size); self.rfile.readline()
            self.rfile.readline()
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(data)
    do_PUT = do_DELETE = do_POST
    def do_HEAD(self):
        self.answer(b"")
    def answer(self, data):
        said = {"pod": socket.gethostname(), "version": os.environ.get("VERSION", ""), "method": self.command, "path": self.path,
                "headers": self.headers.items(), "length": len(data)}
        body = json.dumps(said).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.send_header("X-Twice", "a")
        self.send_header("X-Twice", "b"); self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 512
server = Server(("0.0.0.0", 8080), Handler)
if "ABRUPT" in os.environ:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
else:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever(0.02)
os._exit(0)
"""


def template(version: str, app: str = "web", *, abrupt: bool = False) -> Obj:
    """`abrupt`: its server drops all that it has when it is told to end."""
    env = [{"name": "VERSION", "value": version}, *([{"name": "ABRUPT", "value": "1"}] if abrupt else [])]
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    container = {
        "name": "c", "image": "x:1", "command": ["/usr/bin/python3", "-c", SERVER], "env": env,
        "ports": [{"containerPort": 8080, "name": "http"}], "readinessProbe": probe,
    }  # fmt: skip
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 5}}


def ingress(name: str, *paths: tuple[str, str, str], **spec: Any) -> Obj:
    """Paths: host, path, service; all prefixes."""
    def entry(path: str, to: str) -> Obj:
        return {"path": path, "pathType": "Prefix", "backend": {"service": {"name": to, "port": {"name": "web"}}}}

    rules = [{"host": host, "http": {"paths": [entry(path, to)]}} for host, path, to in paths]
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"rules": rules, **spec} if rules else spec}


class World:
    def __init__(self, cluster: Cluster, session: aiohttp.ClientSession) -> None:
        self.cluster, self.session = cluster, session

    async def create(self, kind: str, obj: Obj, group: str = "") -> Obj:
        obj["metadata"].setdefault("namespace", "default")
        return await self.cluster.client.create(resource(kind, group), "default", obj)

    async def service(self, name: str, app: str) -> None:
        ports = [{"name": "web", "port": 80, "targetPort": "http"}]
        await self.create("services", {"metadata": {"name": name}, "spec": {"selector": {"app": app}, "ports": ports}})

    async def deployment(self, name: str, version: str, replicas: int, *, abrupt: bool = False) -> None:
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template(version, name, abrupt=abrupt)}
        await self.create("deployments", {"metadata": {"name": name}, "spec": spec}, "apps")

    async def until(self, what: Callable[[], Any], seconds: float = 20.0) -> Any:
        """Its first true answer; it may be asynchronous."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            found = what()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            assert asyncio.get_running_loop().time() < deadline, "it does not come"
            await asyncio.sleep(0.02)

    async def rolled_out(self, name: str, seconds: float = 40.0) -> None:
        async def done() -> bool:
            found = await self.cluster.client.get(DEPLOYMENTS, "default", name)
            status, wanted = found.get("status") or {}, found["spec"]["replicas"]
            seen = status.get("observedGeneration") == found["metadata"]["generation"]
            counts = {status.get(each, 0) for each in ("replicas", "updatedReplicas", "availableReplicas")}
            return bool(seen and counts == {wanted})

        await self.until(done, seconds)

    async def served(self) -> int:
        """The HTTP port, once there is one."""
        await self.until(lambda: self.cluster.ingress is not None and self.cluster.ingress.listening.http)
        assert self.cluster.ingress is not None
        return self.cluster.ingress.listening.http

    async def get(self, host: str, path: str = "/", method: str = "GET", **how: Any) -> tuple[int, str]:
        port = await self.served()
        headers = {"Host": host, **how.pop("headers", {})}
        async with self.session.request(method, f"http://127.0.0.1:{port}{path}", headers=headers, **how) as answer:
            return answer.status, await answer.text()

    async def until_status(self, host: str, code: int, path: str = "/") -> str:
        async def there() -> tuple[int, str] | None:
            found = await self.get(host, path)
            return found if found[0] == code else None

        return str((await self.until(there))[1])


@asynccontextmanager
async def world(**options: Any) -> AsyncIterator[World]:
    async with (
        Cluster(runtime="process", nodes=1, serve=False, image_table=("*=host",), **options) as cluster,
        aiohttp.ClientSession() as session,
    ):
        yield World(cluster, session)
