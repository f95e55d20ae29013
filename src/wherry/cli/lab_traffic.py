"""Requests to the lab's Service while rollouts go on: who answered, and how many failed.

Used by `wherry demo --real`. Clients ask from the network's own side, each request on a connection of its own, and read the name of the pod
that answered; the pod's template hash tells its revision. `server` is the program of the lab's pods: this process's own Python, with no
package but the standard library.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path

from wherry.api.objects import Obj
from wherry.linux.fabric import Fabric, connected

PORT, _CLIENTS, _SECONDS = 8080, 6, 5.0
#: seconds between two requests of a client: enough to see, and no load
_PAUSE = 0.02
#: top folders that a pod of image `host` sees
_SEEN = ("usr", "opt", "bin", "nix", "gnu")
_PROGRAM = """
import http.server, signal, socket, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = socket.gethostname().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("", PORT), Handler)
server.daemon_threads = False
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
""".replace("PORT", str(PORT))


def server() -> tuple[Obj, list[Obj]]:
    """A container's fields, and the volumes that it needs."""
    executable = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not executable.exists():
        executable = Path(sys.executable).resolve()
    container: Obj = {
        "command": [str(executable), "-I", "-S", "-c", _PROGRAM], "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"port": PORT}, "periodSeconds": 1},
    }  # fmt: skip
    if executable.parts[1] in _SEEN:
        return container, []
    mounted = [{"name": "python", "mountPath": sys.base_prefix, "readOnly": True}]
    return {**container, "volumeMounts": mounted}, [{"name": "python", "hostPath": {"path": sys.base_prefix}}]


class Traffic:
    """`answered` counts by the pods' template hash."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self._tasks: list[asyncio.Task[None]] = []
        self.answered: Counter[str] = Counter()
        self.failed = 0

    def begin(self, address: str, port: int) -> None:
        self._tasks = [asyncio.create_task(self._ask(address, port)) for _ in range(_CLIENTS)]

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def told(self, revisions: dict[str, int]) -> str:
        """A line. `revisions` by template hash."""
        by_revision: Counter[int] = Counter()
        for code, count in self.answered.items():
            by_revision[revisions.get(code, 0)] += count
        parts = ", ".join(f"revision {revision}: {count}" for revision, count in sorted(by_revision.items()))
        return f"{self.answered.total()} requests answered ({parts or 'none yet'}), {self.failed} failed"

    async def _ask(self, address: str, port: int) -> None:
        while True:
            try:
                pod = await asyncio.wait_for(self._once(address, port), _SECONDS)
                self.answered[pod.split("-")[-2]] += 1
            except (OSError, TimeoutError, ValueError, IndexError):
                self.failed += 1
            await asyncio.sleep(_PAUSE)

    async def _once(self, address: str, port: int) -> str:
        """The name of the pod that answers. Raises OSError, ValueError."""
        made = await connected(self._fabric, address, port)
        reader, writer = await asyncio.open_connection(sock=made)
        try:
            writer.write(f"GET / HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        finally:
            writer.close()
        if not head.startswith(b"HTTP/1.0 200"):
            raise ValueError(f"an answer that is none: {head[:40]!r}")
        return body.decode()
