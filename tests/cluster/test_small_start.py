"""What a start does not do: load what an idle cluster does not use, or wait for certificates that another process can make."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wherry.cluster import certificate_child as forehand
from wherry.cluster import pki

PROGRAM = """
import asyncio, sys
from pathlib import Path
from wherry import Cluster
from wherry.api.resources import resource

def is_ready(node):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))

async def main():
    async with Cluster(data_dir=Path(sys.argv[1]), ephemeral=True) as cluster:
        while not all(is_ready(node) for node in (await cluster.client.list(resource("nodes"))).items):
            await asyncio.sleep(0.01)
        print(*sys.modules)

asyncio.run(main())
"""
#: loaded with the first object that needs them
UNUSED = (
    "cryptography", "matplotlib", "rich", "google", "wherry.rules.cel", "wherry.rules.kinds.devices", "wherry.rules.kinds.workloads",
    "wherry.rules.showing.tables.pod", "wherry.rules.schema.validation.workloads.jobs", "wherry.rules.schema.validation.pods.pod",
    "wherry.controllers.deployment",
    "wherry.controllers.statefulset", "wherry.scheduler", "wherry.rollout", "wherry.rules.schema.decode.yaml_text",
)


def test_an_idle_cluster_loads_no_rules_of_kinds_that_nobody_uses(tmp_path: Path) -> None:
    pki.ensure(tmp_path / "pki", "127.0.0.1")
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, timeout=50, check=True)
    assert set(done.stdout.split()) & set(UNUSED) == set()


def test_a_child_makes_the_certificates_of_a_first_start(tmp_path: Path) -> None:
    pki.begin(tmp_path, "127.0.0.1")
    made = forehand.take(pki.hosts("127.0.0.1"))
    assert made is not None
    assert made.ca.startswith(b"-----BEGIN CERTIFICATE-----")
    assert forehand.take(pki.hosts("127.0.0.1")) is None, "it is taken once"


def test_certificates_for_other_names_are_not_taken(tmp_path: Path) -> None:
    pki.begin(tmp_path, "127.0.0.1")
    pki.begin(tmp_path, "10.0.0.1")
    kept = pki.ensure(tmp_path, "192.168.0.1")
    assert "192.168.0.1" in (kept.directory / "server.json").read_text()


def test_a_child_that_fails_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wherry.cluster.certificates.make_ca", None)
    pki.begin(tmp_path, "127.0.0.1")
    monkeypatch.undo()
    assert pki.ensure(tmp_path, "127.0.0.1").ca_pem.startswith("-----BEGIN CERTIFICATE-----")


def test_nothing_is_begun_where_there_is_a_ca(tmp_path: Path) -> None:
    made = pki.ensure(tmp_path, "127.0.0.1")
    pki.begin(tmp_path, "127.0.0.1")
    assert forehand.take(pki.hosts("127.0.0.1")) is None
    assert pki.ensure(tmp_path, "127.0.0.1").ca_pem == made.ca_pem
