"""The benchmarks run: each part with a thousandth of its work, and the program around them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import FOREIGN, PARTS, SHORT
from bench.load import Session
from bench.plots import draw
from wherry import Cluster

ROOT = Path(__file__).parents[2]
#: what a thousandth of the work still takes long for: run by `-m slow`
LONG = ("scale", "testing", "workloads", "api-full", "watch", "growth", "processes", "api", "mixed")
pytestmark = pytest.mark.timeout(240)


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "error", "-m", "bench", *words], cwd=ROOT, capture_output=True, text=True, timeout=90,
                          env={**os.environ, "PYTHONWARNINGS": ""})


def test_each_part_has_a_module() -> None:
    assert {*SHORT, *FOREIGN} <= set(PARTS)
    assert all((ROOT / "bench" / f"{part.replace('-', '_')}.py").exists() for part in PARTS)


def marks(part: str) -> list[pytest.MarkDecorator]:
    """Real nodes are there where namespaces are, the page where Chromium is."""
    real = pytest.mark.real_nodes
    needing = {"nodes": real, "names": real, "services": real, "traffic": real, "ingress": real, "dashboard": pytest.mark.browser,
               "containers": pytest.mark.containerd}
    return [needing[part]] if part in needing else [pytest.mark.slow] if part in LONG else []


@pytest.mark.parametrize("part", [pytest.param(part, marks=marks(part)) for part in PARTS])
def test_a_part_runs(part: str, tmp_path: Path) -> None:
    done = bench(part, "--size", "0.005", "--json", str(tmp_path / "found.json"))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["figures"]
    assert {"cpu", "cores", "load"} <= set(found["machine"])
    assert list(found["load after"]) == [part]


def test_medians_ratios_and_plots(tmp_path: Path) -> None:
    baseline = tmp_path / "before.json"
    baseline.write_text(json.dumps({"figures": {"least Ready of 1,000 during the rollout": 375.0}}))
    done = bench("curve", "--size", "0.004", "--runs", "2", "--baseline", str(baseline), "--plots", str(tmp_path / "plots"))
    assert done.returncode == 0, done.stderr
    assert "2.00 x baseline" in done.stdout
    assert (tmp_path / "plots" / "rollout.png").read_bytes().startswith(b"\x89PNG")
    lines = json.loads((tmp_path / "plots" / "rollout.json").read_text())
    assert (lines["old revision"][0], lines["new revision"][-1]) == (4, 4)


def test_another_api_server_is_measured_and_left_as_it_was() -> None:
    with Cluster(nodes=0) as cluster:
        done = bench("--kubeconfig", cluster.kubeconfig, "--size", "0.005")
        assert done.returncode == 0, done.stderr
        assert "pods/s rolled (target)" in done.stdout
        assert "list 500 pods req/s (target)" in done.stdout
        from wherry.api.resources import resource

        for plural, group in (("deployments", "apps"), ("nodes", "")):
            assert not cluster.client.list(resource(plural, group)).items
        maps = cluster.client.list(resource("configmaps"), "default").items
        assert [each["metadata"]["name"] for each in maps] == ["kube-root-ca.crt"]


def test_wrong_use_is_said() -> None:
    assert "no such part: stat; there are: start," in bench("stat").stderr
    assert "only of clusters of ours: store" in bench("store", "--kubeconfig", "x").stderr


def test_growth_is_drawn_on_logarithmic_axes(tmp_path: Path) -> None:
    paths = list(draw({"growth": {"pods": [10, 100], "ms per pod": [1, 2]}}, tmp_path))
    assert [path.name for path in paths] == ["growth.png"]


class Wire:
    def write(self, data: bytes) -> None:
        """Nobody listens."""


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
])
def test_the_load_generator_finds_the_end_of_an_answer_however_it_is_cut(answer: bytes) -> None:
    import asyncio

    async def work(size: int) -> tuple[int, bytes]:
        session = Session()
        session.connection_made(Wire())
        asking = asyncio.ensure_future(session.ask(b""))
        await asyncio.sleep(0)
        for at in range(0, len(answer), size):
            assert not asking.done()
            session.data_received(answer[at : at + size])
        return await asyncio.wait_for(asking, 1)

    for size in range(1, len(answer) + 1):
        assert asyncio.run(work(size)) == (200, answer)
