"""A real Prometheus (Debian: prometheus) on loopback, and something for it to scrape.

Tests that need one have the marker `prometheus` and fail where it is missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.worlds.etcd import free_ports

_CONFIG = """
global: {{scrape_interval: 100ms, scrape_timeout: 90ms}}
scrape_configs: [{{job_name: app, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""


class Scraped:
    """Metrics on loopback: name -> value, and may be changed at any time."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = "".join(f"{name} {value}\n" for name, value in outer.values.items()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Prometheus:
    """Use as a context; `scraped.values` is what it sees. `stop` ends it earlier."""

    def __init__(self) -> None:
        found = shutil.which("prometheus")
        if found is None:
            pytest.fail("these tests need prometheus on PATH (Debian: prometheus): or -m 'not prometheus' leaves them out", pytrace=False)
        self.scraped = Scraped()
        self._directory = Path(tempfile.mkdtemp(prefix="wherry-prometheus-"))
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        config = self._directory / "prometheus.yml"
        config.write_text(_CONFIG.format(port=self.scraped.port), encoding="utf-8")
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen([found, f"--config.file={config}", f"--storage.tsdb.path={self._directory}/data",
                                              f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)

    def __enter__(self) -> Self:
        """It has scraped something: that begins after five seconds."""
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.url}/api/v1/query?query=up==1", timeout=1) as answer:
                    if json.load(answer)["data"]["result"]:
                        return self
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.05)  # it has no way to say it by itself
        self.__exit__(None, None, None)
        pytest.fail(f"prometheus did not start: {(self._directory / 'log').read_text()[-500:]}")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self.scraped.close()
        shutil.rmtree(self._directory, ignore_errors=True)
