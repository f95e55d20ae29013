"""A kopf operator with webhooks, a timer, a daemon and events works on a served cluster.

Handlers of changes are in `tests/rules/custom/test_kopf.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from wherry import Cluster
from wherry.api.errors import StatusError
from wherry.api.resources import Resource, resource
from wherry.cluster import pki

BUOYS = Resource("example.com", "v1", "Buoy", "buoys")
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "buoys.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "buoys", "singular": "buoy", "kind": "Buoy"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": OPEN, "status": OPEN}}},
            }
        ],
    },
}


@pytest.fixture(scope="module")
def sea(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The definition is established; the folder has a certificate for the operator's webhook server."""
    cluster.apply(DEFINITION)
    cluster.wait_for("crd/buoys.example.com", "established")
    folder, authority = tmp_path_factory.mktemp("buoys"), Path(cluster.kubeconfig).parent / "pki"
    certificate, key = pki.issue(authority, "buoys", hosts=("127.0.0.1",))
    (folder / "ca.crt").write_bytes((authority / "ca.crt").read_bytes())
    (folder / "buoys.crt").write_bytes(certificate)
    (folder / "buoys.key").write_bytes(key)
    return folder


@contextmanager
def operator(cluster: Cluster, folder: Path) -> Iterator[None]:
    """From the moment its webhooks are in force until it has ended, well; what it said is shown when something fails."""
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace=default", str(Path(__file__).with_name("buoys.py"))]
    environment = {**os.environ, "KUBECONFIG": cluster.kubeconfig, "BUOYS_CERTIFICATE": str(folder)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for kind in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
            cluster.wait_for(f"{kind}/auto.buoys.example.com", lambda made: bool(made and made.get("webhooks")))
        yield
    except BaseException:
        process.kill()
        print(process.communicate()[0])  # noqa: T201
        raise
    process.terminate()
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 0, said


def buoy(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Buoy", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def told(cluster: Cluster, reason: str) -> bool:
    """Has the operator posted such an event about the buoy?"""
    events = cluster.client.list(resource("events"), "default").items
    return any(e["reason"] == reason and e["involvedObject"]["name"] == "b" for e in events)


@pytest.mark.timeout(120)
def test_an_operator_guards_its_objects_and_takes_them_up_again(cluster: Cluster, sea: Path) -> None:
    with operator(cluster, sea):
        made = cluster.client.create(BUOYS, "default", buoy("b", depth=3))
        assert made["spec"] == {"depth": 3, "colour": "red"}
        with pytest.raises(StatusError, match="the chain is 100 long") as refused:
            cluster.client.create(BUOYS, "default", buoy("deep", depth=300))
        assert refused.value.code == 422
        cluster.wait_for("buoys.example.com/b", lambda found: found.get("status", {}).get("blinks", 0) >= 2)
        cluster.clock.run_until(lambda: told(cluster, "Guarded"), limit="60s")

    later = cluster.client.create(BUOYS, "default", buoy("deep", depth=300))
    assert later["spec"] == {"depth": 300}, "an operator that has ended fills in and refuses nothing"
    with operator(cluster, sea):
        cluster.wait_for("buoys.example.com/b", lambda found: found.get("status", {}).get("resumed", False))
        cluster.client.delete(BUOYS, "default", "b")
        cluster.wait_for("buoys.example.com/b", "delete")
        cluster.clock.run_until(lambda: told(cluster, "Alone"), limit="60s")
