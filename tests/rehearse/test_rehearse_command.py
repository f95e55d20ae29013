"""`wherry rollout rehearse`: on a live cluster over HTTP and on files alone; words, charts, JSON and exit statuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
import yaml

from tests.rehearse.manifests_of import budget, node, rolling, workload
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.cli.main import main
from wherry.rollout import Rollout

GIVEN = ("--image", "app:2", "--time-to-ready", "10s", "--time-to-end", "1s")


class Ran(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("COLUMNS", "80")

    def ran(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["wherry", "rollout", "rehearse", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    return ran


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., str]:
    def written(*manifests: Obj) -> str:
        path = tmp_path / "all.yaml"
        path.write_text(yaml.safe_dump_all(manifests))
        return str(path)

    return written


def test_files_alone_are_enough(run: Run, files: Callable[..., str]) -> None:
    ran = run("--local", "-f", files(workload(replicas=4), budget(3)), *GIVEN)
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0] == "deployment/web: app:2"
    assert "  duration            20 s" in lines
    assert "  lowest available    3 of 4 (75 %), first at 0 s" in lines
    assert any(line.startswith("  budget web          wants 3 healthy, has 3 at least; lets no pod be") for line in lines)
    assert "  assumes             time to ready: 10 s, given" in lines
    assert max(map(len, lines)) <= 80
    assert "█ available, new  ▓ available, old  ░ starting  · ending  4 wanted" in ran.out


def test_the_chart_in_the_terminal(run: Run, files: Callable[..., str]) -> None:
    ran = run("--local", "-f", files(workload(replicas=2, strategy={"type": "Recreate"})), *GIVEN)
    picture = ran.out.splitlines()[-5:]
    assert picture[0].startswith("   2 ┤·······░")
    assert picture[1].startswith("   1 ┤·······░")
    assert [row[-1] for row in picture[:2]] == ["█", "█"]
    assert picture[3].split() == ["0", "2.75", "s", "5.5", "s", "8.25", "s", "11", "s"]
    assert max(map(len, picture)) <= 80


def test_strategies_are_compared(run: Run, files: Callable[..., str]) -> None:
    path = files(workload(replicas=4))
    ran = run(
        "--local",
        "-f",
        path,
        *GIVEN,
        "--try",
        "maxSurge=1+maxUnavailable=0,maxSurge=2+maxUnavailable=0",
        "--keep-available",
        "100%",
        "-o",
        "table",
    )
    assert ran.out.splitlines()[-6:] == [
        "   STRATEGY                      DURATION  LOWEST AVAILABLE  MOST PODS  NO ROOM  BUDGETS BROKEN",
        "   as it is                      20 s      3 of 4 (75 %)     7          0        -",
        "   maxSurge=1, maxUnavailable=0  40 s      4 of 4 (100 %)    6          0        -",
        "*  maxSurge=2, maxUnavailable=0  20 s      4 of 4 (100 %)    8          0        -",
        "",
        "Fastest that keeps 100% available: maxSurge=2, maxUnavailable=0, in 20 s.",
    ]
    assert ran.status == 0
    lost = run("--local", "-f", path, *GIVEN, "--keep-available", "100%", "-o", "table")
    assert (lost.status, lost.out.splitlines()[-1]) == (4, "No strategy that keeps 100% available finishes.")


def test_a_rollout_that_never_ends_has_a_status_of_its_own(run: Run, files: Callable[..., str]) -> None:
    full = files(workload(replicas=4, cpu="1", strategy=rolling(maxSurge=1, maxUnavailable=0)), node("n1", "4"))
    ran = run("--local", "-f", full, *GIVEN)
    assert ran.status == 3
    assert "does not finish (nothing moved any more for 660 s)" in ran.out
    assert "for 1 pod, from 0 s on, for good: 0/1 nodes are available: 1 Insufficient cpu" in " ".join(ran.out.split())
    assert "strikes at 10m" in ran.out


def test_json_has_everything(run: Run, files: Callable[..., str]) -> None:
    ran = run("--local", "-f", files(workload()), *GIVEN, "-o", "json", "--fault", "1 pod never becomes ready", "--keep-available", "9")
    value = json.loads(ran.out)
    assert value["best"] is None
    assert value["keepAvailable"] == 9
    assert value["rehearsals"][0]["struck"][0]["fault"] == "never-ready"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "required resource not specified"),
        (("--local", "-f", "@", "--fault", "rain"), '"rain" is no fault known here'),
        (("--local", "-f", "@", "--try", "big"), "is no list of strategies"),
        (("--local", "-f", "@", "--chart", "x.gif"), "x.gif: charts are drawn as svg, png, pdf"),
        (("--local", "-f", "@", "deployment/other"), "no manifest has deployments.apps other"),
        (("--local", "-f", "@", "-o", "yaml"), "unable to match a printer"),
    ],
)
def test_what_makes_no_sense_is_said(run: Run, files: Callable[..., str], words: tuple[str, ...], message: str) -> None:
    path = files(workload())
    ran = run(*(path if w == "@" else w for w in words))
    assert ran.status == 1
    assert ran.err.startswith("error: ")
    assert message in ran.err


def test_charts_are_drawn_to_files(run: Run, files: Callable[..., str], tmp_path: Path) -> None:
    path = files(workload(replicas=4))
    svg, png = tmp_path / "web.svg", tmp_path / "web.png"
    for chart in (svg, png):
        assert run("--local", "-f", path, *GIVEN, "--chart", str(chart)).status == 0
    texts = [e.text or "" for e in ElementTree.parse(svg).iter() if e.tag.endswith("text")]
    assert "deployment/web: app:2 (20 s, 3 of 4 available at least)" in texts
    assert "available, new" in texts
    assert png.read_bytes().startswith(b"\x89PNG")


# --- against a server ---
@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2, ready_seconds=0.2) as running:
        client: Any = running.client
        client.create(resource("deployments", "apps"), "default", workload(replicas=4))
        client.create(resource("statefulsets", "apps"), "default", workload("StatefulSet", 2, serviceName="web"))
        for target in ("deployment/web", "statefulset/web"):
            running.call(Rollout(running.aclient, target).wait(30))
        yield running


def live(run: Run, cluster: Cluster, *words: str) -> Ran:
    return run("--kubeconfig", cluster.kubeconfig, *words)


def test_live_objects_are_rehearsed(run: Run, cluster: Cluster) -> None:
    ran = live(run, cluster, "deployment/web", *GIVEN)
    assert ran.status == 0, ran.err
    assert "  duration            20 s" in ran.out.splitlines()
    assert live(run, cluster, "sts", "web", *GIVEN, "-o", "table").out.splitlines()[1] == "  duration            22 s"
    assert live(run, cluster, "deployment/none").err == 'Error from server (NotFound): deployments.apps "none" not found\n'


def test_a_file_says_what_the_live_object_becomes(run: Run, cluster: Cluster, files: Callable[..., str]) -> None:
    new = workload(replicas=6)
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "app:3"
    ran = live(run, cluster, "-f", files(new), *GIVEN[2:], "-o", "json")
    report = json.loads(ran.out)["rehearsals"][0]
    assert (report["wanted"], report["change"]) == (6, "the manifest")
    named = live(run, cluster, "deployment/web", "-f", files(new), *GIVEN[2:], "-o", "json")
    assert json.loads(named.out)["rehearsals"][0]["duration"] == report["duration"]


def test_a_file_without_a_namespace_is_about_the_one_asked_for(run: Run, cluster: Cluster, files: Callable[..., str]) -> None:
    """As it was applied: the last applied configuration names the namespace that the file does not."""
    client: Any = cluster.client
    client.create(resource("namespaces"), "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mini"}})
    first = workload(replicas=2)
    first["metadata"]["namespace"] = "mini"
    applied = json.dumps(first)
    first["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": applied}
    client.create(resource("deployments", "apps"), "mini", first)
    running = client.get(resource("deployments", "apps"), "mini", "web")
    new = workload(replicas=3)
    for words in (("-n", "mini", "-f", files(new)), ("-n", "mini", "deployment/web", "-f", files(new))):
        ran = live(run, cluster, *words, *GIVEN[2:], "-o", "json")
        assert ran.status == 0, ran.err
        assert json.loads(ran.out)["rehearsals"][0]["wanted"] == 3
    # what `get -o yaml` wrote, edited: its resourceVersion and uid are of another server
    edited = {**running, "spec": {**running["spec"], "replicas": 5}}
    ran = live(run, cluster, "-n", "mini", "-f", files(edited), *GIVEN[2:], "-o", "json")
    assert (ran.status, ran.err) == (0, "")
    assert json.loads(ran.out)["rehearsals"][0]["wanted"] == 5
