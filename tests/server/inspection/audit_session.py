"""One cluster for the tests of this directory, and raw HTTP to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

from wherry import Cluster

MERGE, STRATEGIC, JSON_PATCH, APPLY = (
    f"application/{kind}" for kind in ("merge-patch+json", "strategic-merge-patch+json", "json-patch+json", "apply-patch+yaml")
)
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
CORE = "/api/v1/namespaces/audit"
APPS = "/apis/apps/v1/namespaces/audit"


class Reply(NamedTuple):
    status: int
    warnings: list[str]
    body: Any

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))

    @property
    def causes(self) -> list[tuple[str, str]]:
        return [(c["field"], c["message"]) for c in self.body["details"]["causes"]]


class Api:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": "audit"}})

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json", accept: str = "application/json") -> Reply:
        data = body if body is None or isinstance(body, str) else json.dumps(body)
        headers = {"Authorization": f"Bearer {self._cluster.pki.token}", "Accept": accept}
        if data is not None:
            headers["Content-Type"] = kind
        status, warnings, text = self._cluster.call(self._send(method, path, headers, data))
        try:
            return Reply(status, warnings, json.loads(text))
        except ValueError:
            return Reply(status, warnings, text)

    async def _send(self, method: str, path: str, headers: Mapping[str, str], data: str | None) -> tuple[int, list[str], str]:
        url = URL(self._cluster.url + path, encoded=True)
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, url, headers=headers, data=data, ssl=False, skip_auto_headers=("Content-Type",)) as response,
        ):
            return response.status, response.headers.getall("Warning", []), await response.text()
