"""Faults of the API: errors, delays and cuts for chosen requests and clients, and what stays untouched by them."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
from collections.abc import Iterator
from typing import Any

import pytest

from tests.testing.test_moving_time import requester
from tests.testing.workloads import DEPLOYMENTS, MAPS, config_map, deployment
from wherry import Cluster
from wherry.cluster.faults import Handle

PATH = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def shared() -> Iterator[Cluster]:
    with Cluster(seed=1) as running:
        yield running


@pytest.fixture
def c(shared: Cluster) -> Iterator[Cluster]:
    yield shared
    shared.faults.clear()


def refused(c: Cluster, method: str, path: str, body: Any = None) -> tuple[int, Any, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        requester(c.kubeconfig)(method, path, body, "application/merge-patch+json" if method == "PATCH" else "application/json")
    with caught.value as answer:
        return answer.code, json.loads(answer.read()), answer.headers.get("Retry-After", "")


@pytest.mark.parametrize(
    ("code", "reason"),
    [(429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable"), (504, "Timeout"), (418, "BadRequest")],
)
def test_errors_look_as_the_references(c: Cluster, code: int, reason: str) -> None:
    with c.faults.api_error(code, resource="configmaps", retry_after=7) as fault:
        answered, status, retry = refused(c, "GET", PATH)
        assert (answered, status["reason"], status["status"]) == (code, reason, "Failure")
        assert retry == ("7" if code in (429, 503, 504) else "")
        assert fault.struck == 1
    assert requester(c.kubeconfig)("GET", PATH)["kind"] == "ConfigMapList"


def test_only_the_requests_that_are_named_are_struck(c: Cluster) -> None:
    ask = requester(c.kubeconfig)
    c.faults.api_error(verb="create|delete", resource="configmaps", namespace="default", client="Python-urllib*")
    assert refused(c, "POST", PATH, config_map("a"))[0] == 500
    assert ask("GET", PATH)["kind"] == "ConfigMapList"
    assert ask("POST", "/api/v1/namespaces/kube-public/configmaps", config_map("a"))["kind"] == "ConfigMap"
    c.faults.clear()
    with c.faults.api_error(client="kubectl*"):
        assert ask("GET", PATH)["kind"] == "ConfigMapList"
    with c.faults.api_error(client="kubernetes-admin*"), c.faults.api_error(client="nobody"):
        c.client.list(MAPS, "default")


def test_so_many_times_and_no_more(c: Cluster) -> None:
    with c.faults.api_error(429, times=2) as fault:
        assert refused(c, "GET", PATH)[0] == 429
        assert refused(c, "GET", PATH)[0] == 429
        assert requester(c.kubeconfig)("GET", PATH)["items"]
        assert fault.struck == 2


def test_a_share_of_the_requests(c: Cluster) -> None:
    with c.faults.api_error(500, share=0.5) as fault:
        for _ in range(40):
            try:
                requester(c.kubeconfig)("GET", PATH + "/kube-root-ca.crt")
            except urllib.error.HTTPError as error:
                error.close()
        assert 0 < fault.struck < 40
    with pytest.raises(ValueError, match="share"):
        c.faults.api_error(share=0)


def test_a_conflict_is_one_of_the_words(c: Cluster) -> None:
    c.client.create(MAPS, "default", config_map("conflicted"))
    with c.faults.api_conflict(times=1):
        code, status, _ = refused(c, "PATCH", PATH + "/conflicted", {"data": {"a": "b"}})
        assert (code, status["reason"]) == (409, "Conflict")
        assert "the object has been modified" in status["message"]
        assert (
            requester(c.kubeconfig)("PATCH", PATH + "/conflicted", {"data": {"a": "b"}}, "application/merge-patch+json")["data"]["a"] == "b"
        )


def test_requests_that_are_slow_and_requests_that_are_dropped(c: Cluster) -> None:
    begun = time.monotonic()
    with c.faults.api_slow("200ms", verb="get"):
        requester(c.kubeconfig)("GET", PATH + "/kube-root-ca.crt")
    assert time.monotonic() - begun >= 0.2
    with c.faults.api_dropped(), pytest.raises((http.client.RemoteDisconnected, ConnectionError, urllib.error.URLError)):
        requester(c.kubeconfig)("GET", PATH)


def read_all(response: Any) -> None:
    """To its end, which is an error too: a watch does not end by itself."""
    while response.read1():
        pass
    raise EOFError


def cut(c: Cluster, fault_first: bool) -> tuple[bytes, Handle]:
    import ssl
    import urllib.request
    from pathlib import Path

    import yaml

    config = yaml.safe_load(Path(c.kubeconfig).read_text())
    context = ssl.create_default_context(cafile=str(Path(c.kubeconfig).parent / "pki" / "ca.crt"))
    headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
    request = urllib.request.Request(c.url + PATH + "?watch=1&timeoutSeconds=20", headers=headers)
    fault = c.faults.watch_cut(resource="configmaps") if fault_first else None
    with urllib.request.urlopen(request, context=context, timeout=20) as response:
        first = b"" if fault_first else response.readline()
        fault = fault or c.faults.watch_cut(resource="configmaps")
        with pytest.raises((http.client.IncompleteRead, ConnectionError, ssl.SSLError, EOFError)):
            read_all(response)
    return first, fault


def test_a_watch_under_way_is_cut(c: Cluster) -> None:
    begun = time.monotonic()
    first, _ = cut(c, fault_first=False)
    assert json.loads(first)["type"] == "ADDED"
    assert time.monotonic() - begun < 15


def test_a_new_watch_is_cut(c: Cluster) -> None:
    _, fault = cut(c, fault_first=True)
    assert fault.struck == 1


def test_the_clusters_own_parts_are_struck_only_by_name() -> None:
    with Cluster(time="virtual", seed=1, serve=False) as c:
        with c.faults.api_error() as everyone:
            c.client.create(DEPLOYMENTS, "default", deployment())
            c.rollout("deployment/web").finished()
            assert everyone.struck == 0
        with c.faults.api_conflict(client="kube-controller-manager", resource="deployments", times=3) as fault:
            c.client.patch(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 4}}, "application/merge-patch+json")
            assert c.rollout("deployment/web").finished().ready == 4
            assert fault.struck == 3
        with c.faults.api_error(client="kube-scheduler"):
            c.client.patch(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 5}}, "application/merge-patch+json")
            c.clock.advance("30s")
            assert c.client.get(DEPLOYMENTS, "default", "web")["status"]["readyReplicas"] == 4
        assert c.rollout("deployment/web").finished("20m").ready == 5
