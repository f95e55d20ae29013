"""Twenty tests with a fresh server each, on wherry and on the mock server kmock: which each can do, time and memory.

`python -m bench testing`, or `python -m bench.testing` for the table. The tests are one text for both: HTTP requests and assertions.
What a server cannot do at all (it has no clock to move) is said by its driver; what it does wrong shows in an assertion. Each server's
tests run in a process of their own, so that memory is its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource as limits
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
JSON, MERGE, STRATEGIC = "application/json", "application/merge-patch+json", "application/strategic-merge-patch+json"
#: real seconds that a test gets
LIMIT = 5.0

Obj = dict[str, Any]


class CannotDo(Exception):
    """The server has nothing like it."""


class Server(Protocol):
    async def ask(self, method: str, path: str, body: Any = None, kind: str = JSON) -> tuple[int, Any]: ...
    async def lines(self, path: str) -> AsyncIterator[Any]: ...
    async def refuse(self, code: int, path: str) -> None: ...
    async def advance(self, duration: str) -> None: ...


class _Http:
    """What both share: a client."""

    def __init__(self, url: str, **options: Any) -> None:
        self._url, self._options = url, options
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Any:
        self._session = aiohttp.ClientSession(**self._options)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def ask(self, method: str, path: str, body: Any = None, kind: str = JSON) -> tuple[int, Any]:
        assert self._session is not None
        data = None if body is None else json.dumps(body)
        async with self._session.request(method, self._url + path, data=data, headers={"Content-Type": kind}) as response:
            text = await response.text()
            return response.status, json.loads(text) if text[:1] in "{[" and text else text

    async def lines(self, path: str) -> AsyncIterator[Any]:
        assert self._session is not None
        async with self._session.get(self._url + path) as response:
            async for line in response.content:
                yield json.loads(line)


class _Wherry(_Http):
    cluster: Any

    async def refuse(self, code: int, path: str) -> None:
        self.cluster.faults.api_error(code, resource=path.rpartition("/")[2], times=1)

    async def advance(self, duration: str) -> None:
        await self.cluster.clock.advance(duration)


class _Kmock(_Http):
    handler: Any

    async def refuse(self, code: int, path: str) -> None:
        self.handler[f"post {path}"] << code

    async def advance(self, duration: str) -> None:
        raise CannotDo("no clock")


@asynccontextmanager
async def wherry() -> AsyncIterator[Server]:
    from wherry import Cluster

    async with Cluster(time="virtual", nodes=3) as cluster:
        pki = cluster.pki
        assert pki is not None
        context = ssl.create_default_context(cafile=str(pki.ca_certificate))
        headers = {"Authorization": f"Bearer {pki.token}"}
        async with _Wherry(cluster.url, headers=headers, connector=aiohttp.TCPConnector(ssl=context)) as server:
            server.cluster = cluster
            yield server


@asynccontextmanager
async def kmock() -> AsyncIterator[Server]:
    import kmock as library

    async with (
        library.KubernetesEmulator() as handler,
        library.Server(handler) as listening,
        _Kmock(str(listening.url).rstrip("/")) as server,
    ):
        server.handler = handler
        yield server


SERVERS = {"wherry": wherry, "kmock": kmock}
Test = Callable[[Any], Awaitable[None]]
TESTS: dict[str, Test] = {}


def test(name: str) -> Callable[[Test], Test]:
    def add(function: Test) -> Test:
        TESTS[name] = function
        return function

    return add


def config_map(name: str, **data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def template(image: str = "app:v1", **extra: Any) -> Obj:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}], **extra}}


def deployment(image: str = "app:v1", replicas: int = 3) -> Obj:
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template(image)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"}, "spec": spec}


async def made(s: Server, path: str, body: Obj) -> Obj:
    code, obj = await s.ask("POST", path, body)
    assert code in (200, 201), f"POST {path} answered {code}"
    return obj  # type: ignore[no-any-return]


async def until(s: Server, path: str, good: Callable[[Any], Any]) -> Any:
    """Looks again and again, for a second."""
    obj: Any = None
    for _ in range(50):
        code, obj = await s.ask("GET", path)
        if code == 200 and good(obj):
            return obj
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path} never came to what was awaited")


@test("an object is stored and read back")
async def _store(s: Server) -> None:
    await made(s, MAPS, config_map("a", x="1"))
    code, obj = await s.ask("GET", MAPS + "/a")
    assert (code, obj["data"]) == (200, {"x": "1"})


@test("a list holds what was created")
async def _list(s: Server) -> None:
    for name in ("a", "b"):
        await made(s, MAPS, config_map(name))
    names = [o["metadata"]["name"] for o in (await s.ask("GET", MAPS))[1]["items"]]
    assert {"a", "b"} <= set(names)


@test("a watch sees an addition")
async def _watch(s: Server) -> None:
    stream = s.lines(MAPS + "?watch=true")
    first = asyncio.ensure_future(_first(stream, "new"))
    await asyncio.sleep(0.1)
    await made(s, MAPS, config_map("new"))
    assert (await first)["type"] == "ADDED"


async def _first(stream: Any, name: str) -> Any:
    async for event in stream:
        if event["object"]["metadata"]["name"] == name:
            return event


@test("a deleted object is gone")
async def _delete(s: Server) -> None:
    await made(s, MAPS, config_map("a"))
    assert (await s.ask("DELETE", MAPS + "/a"))[0] == 200
    assert (await s.ask("GET", MAPS + "/a"))[0] == 404


@test("a merge patch changes and removes fields")
async def _merge(s: Server) -> None:
    await made(s, MAPS, config_map("a", x="1", y="1"))
    await s.ask("PATCH", MAPS + "/a", {"data": {"x": "2", "y": None}}, MERGE)
    assert (await s.ask("GET", MAPS + "/a"))[1]["data"] == {"x": "2"}


@test("a second creation is a conflict")
async def _twice(s: Server) -> None:
    await made(s, MAPS, config_map("a"))
    assert (await s.ask("POST", MAPS, config_map("a")))[0] == 409


@test("an injected 429 reaches the client")
async def _fault(s: Server) -> None:
    await s.refuse(429, MAPS)
    assert (await s.ask("POST", MAPS, config_map("a")))[0] == 429


@test("finalizers hold a deletion up")
async def _finalizer(s: Server) -> None:
    body = config_map("a")
    body["metadata"]["finalizers"] = ["example.com/mine"]
    await made(s, MAPS, body)
    await s.ask("DELETE", MAPS + "/a")
    assert (await s.ask("GET", MAPS + "/a"))[1]["metadata"]["deletionTimestamp"]
    await s.ask("PATCH", MAPS + "/a", {"metadata": {"finalizers": []}}, MERGE)
    assert (await s.ask("GET", MAPS + "/a"))[0] == 404


@test("uid, version and time are filled in")
async def _metadata(s: Server) -> None:
    await made(s, MAPS, config_map("a"))
    meta = (await s.ask("GET", MAPS + "/a"))[1]["metadata"]
    assert meta["uid"]
    assert meta["resourceVersion"]
    assert meta["creationTimestamp"]


@test("an update of an old version is a conflict")
async def _stale(s: Server) -> None:
    await made(s, MAPS, config_map("a"))
    _, old = await s.ask("GET", MAPS + "/a")
    await s.ask("PUT", MAPS + "/a", {**old, "data": {"x": "1"}})
    assert (await s.ask("PUT", MAPS + "/a", {**old, "data": {"x": "2"}}))[0] == 409


@test("an invalid object is refused with its field")
async def _invalid(s: Server) -> None:
    code, status = await s.ask("POST", DEPLOYMENTS, deployment(replicas=-1))
    assert code == 422
    assert status["details"]["causes"][0]["field"] == "spec.replicas"


@test("a strategic patch keeps the other containers")
async def _strategic(s: Server) -> None:
    body = deployment()
    body["spec"]["template"]["spec"]["containers"].append({"name": "other", "image": "other:v1"})
    await made(s, DEPLOYMENTS, body)
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "app:v2"}]}}}}
    await s.ask("PATCH", DEPLOYMENTS + "/web", patch, STRATEGIC)
    containers = (await s.ask("GET", DEPLOYMENTS + "/web"))[1]["spec"]["template"]["spec"]["containers"]
    assert {c["name"]: c["image"] for c in containers} == {"c": "app:v2", "other": "other:v1"}


@test("server-side apply names who owns a field")
async def _apply(s: Server) -> None:
    for manager, code in (("one", 201), ("two", 409)):
        path = f"{MAPS}/a?fieldManager={manager}"
        answered, _ = await s.ask("PATCH", path, config_map("a", x=manager), "application/apply-patch+yaml")
        assert answered == code


@test("a label selector chooses")
async def _selector(s: Server) -> None:
    for name in ("a", "b"):
        body = config_map(name)
        body["metadata"]["labels"] = {"name": name}
        await made(s, MAPS, body)
    items = (await s.ask("GET", MAPS + "?labelSelector=name%3Da"))[1]["items"]
    assert [o["metadata"]["name"] for o in items] == ["a"]


@test("a Deployment becomes ready")
async def _deployment(s: Server) -> None:
    await made(s, DEPLOYMENTS, deployment())
    await until(s, DEPLOYMENTS + "/web", lambda o: o.get("status", {}).get("readyReplicas") == 3)


@test("a rolling update replaces its pods")
async def _update(s: Server) -> None:
    await made(s, DEPLOYMENTS, deployment())
    await until(s, DEPLOYMENTS + "/web", lambda o: o.get("status", {}).get("readyReplicas") == 3)
    await s.ask("PATCH", DEPLOYMENTS + "/web", {"spec": {"template": template("app:v2")}}, MERGE)
    await until(s, PODS, lambda found: [p["spec"]["containers"][0]["image"] for p in found["items"]] == ["app:v2"] * 3)


@test("a missing image shows in the pod")
async def _image(s: Server) -> None:
    await made(s, DEPLOYMENTS, deployment("app:999.1", 1))

    def waits(found: Any) -> bool:
        statuses = [c for p in found["items"] for c in p.get("status", {}).get("containerStatuses", ())]
        return any(c["state"].get("waiting", {}).get("reason") == "ImagePullBackOff" for c in statuses)

    await until(s, PODS, waits)


@test("dependents go with their owner")
async def _garbage(s: Server) -> None:
    await made(s, DEPLOYMENTS, deployment())
    await until(s, PODS, lambda found: len(found["items"]) == 3)
    await s.ask("DELETE", DEPLOYMENTS + "/web")
    await until(s, PODS, lambda found: found["items"] == [])


@test("a custom kind is served and checked")
async def _custom(s: Server) -> None:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "things", "singular": "thing", "kind": "Thing"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"}}
    await made(s, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {**crd, "spec": spec})
    path = "/apis/example.com/v1/namespaces/default/things"
    await until(s, path, lambda found: True)
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "default"}}
    assert (await s.ask("POST", path, {**thing, "spec": {"size": 1}}))[0] == 201
    assert (await s.ask("POST", path, {**thing, "metadata": {"name": "b"}, "spec": {"size": "big"}}))[0] == 422


@test("a progress deadline of ten minutes strikes")
async def _deadline(s: Server) -> None:
    await made(s, DEPLOYMENTS, deployment("app:999.1", 1))
    await s.advance("10m5s")
    conditions = (await s.ask("GET", DEPLOYMENTS + "/web"))[1]["status"]["conditions"]
    assert any(c["reason"] == "ProgressDeadlineExceeded" for c in conditions)


# --- running them ---
async def _one(name: str, test: Test) -> tuple[float, str]:
    """Seconds with the server's start and stop, and what went wrong."""
    begun, said = time.perf_counter(), ""
    async with SERVERS[name]() as server:
        try:
            await asyncio.wait_for(test(server), LIMIT)
        except CannotDo as error:
            said = str(error)
        except Exception as error:
            said = f"{type(error).__name__}: {error}".partition("\n")[0][:80]
    return time.perf_counter() - begun, said


def in_process(name: str) -> None:
    """All tests on one server; prints JSON."""
    import logging

    logging.disable()
    asyncio.run(_one(name, TESTS["an object is stored and read back"]))  # imports are paid once, by the first
    begun = time.perf_counter()
    results = {title: asyncio.run(_one(name, test)) for title, test in TESTS.items()}
    rss = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"tests": results, "seconds": time.perf_counter() - begun, "MB": rss}))


def first_answers(count: int = 40) -> list[float]:
    """Milliseconds from the start of a fresh cluster, as the fixture makes it, to the first answer over HTTPS."""
    import urllib.request

    from wherry.testing.fixtures import prepare, running

    prepare()
    found = []
    for _ in range(count):
        begun = time.perf_counter()
        with running({}, Path()) as cluster:
            pki = cluster.pki
            assert pki is not None
            context = ssl.create_default_context(cafile=str(pki.ca_certificate))
            request = urllib.request.Request(cluster.url + "/api/v1/nodes", headers={"Authorization": f"Bearer {pki.token}"})
            with urllib.request.urlopen(request, context=context) as response:
                response.read()
            found.append((time.perf_counter() - begun) * 1000)
    return sorted(found)


def measure(name: str) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "bench.testing", name]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], env={**os.environ}, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def run() -> Iterator[tuple[str, float]]:
    """Figures for `python -m bench`."""
    for name in SERVERS:
        found = measure(name)
        passed = [seconds for seconds, said in found["tests"].values() if not said]
        yield f"of 20 tests, {name} can do", float(len(passed))
        yield f"seconds per test it can do, {name}", sum(passed) / max(len(passed), 1)
        yield f"MB resident at most, {name}", found["MB"]
    answers = first_answers()
    yield "ms to the first API answer, median", answers[len(answers) // 2]
    yield "ms to the first API answer, p95", answers[int(len(answers) * 0.95)]


def main() -> None:
    found = {name: measure(name) for name in SERVERS}
    width = max(map(len, TESTS))
    print(f"{'':<{width}}  " + "  ".join(f"{name:<10}" for name in found))
    for title in TESTS:
        cells = [f"{f'{s * 1000:.0f} ms' if not said else 'no':<10}" for s, said in (f["tests"][title] for f in found.values())]
        reasons = "; ".join(f"{name}: {f['tests'][title][1]}" for name, f in found.items() if f["tests"][title][1])
        print(f"{title:<{width}}  " + "  ".join(cells) + (f"  ({reasons})" if reasons else ""))
    for what in ("can do", "seconds in all", "MB resident at most"):
        cells = []
        for f in found.values():
            passed = [s for s, said in f["tests"].values() if not said]
            cells.append(
                {"can do": f"{len(passed)}", "seconds in all": f"{sum(passed):.2f}", "MB resident at most": f"{f['MB']:.0f}"}[what]
            )
        print(f"{what:<{width}}  " + "  ".join(f"{cell:<10}" for cell in cells))


if __name__ == "__main__":
    in_process(sys.argv[1]) if len(sys.argv) > 1 else main()
