"""The rollout commands beyond kubectl's, against a cluster of ours over HTTP: what they print, and how they end."""

from __future__ import annotations

import asyncio
import importlib
import io
import json
from collections.abc import Iterator

import pytest

from tests.client.http.small_server import reply, serve
from tests.rollout.workloads import DEPLOYMENTS, STATEFUL_SETS, deployment
from wherry import Cluster
from wherry.api.objects import Obj
from wherry.api.options import STRATEGIC_PATCH
from wherry.cli.kube.applied import LAST_APPLIED
from wherry.cli.kube.command import KubeCommand
from wherry.cli.kube.flags import parse
from wherry.cli.kube.options import CONNECTION
from wherry.cli.kube.rollout import rollout
from wherry.cli.kube.session import Kube, _whole
from wherry.client.http import HttpClient
from wherry.client.kubeconfig import Overrides, load
from wherry.kit.fetch import fetch
from wherry.rollout import Rollout
from wherry.rollout.targets import PODS


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2) as running:
        yield running


def run(cluster: Cluster, name: str, *words: str) -> tuple[int, str, str]:
    """`wherry rollout NAME WORDS`: exit status, standard output, standard error."""
    module, attribute, _ = rollout.table[name]
    command: KubeCommand = getattr(importlib.import_module(module), attribute)
    given = parse([*words, "--kubeconfig", str(cluster.kubeconfig)], (*command.flags, *CONNECTION))
    out, err = io.StringIO(), io.StringIO()
    status = asyncio.run(_whole(Kube(given, ["rollout", name], out, err), command._run))
    return status, out.getvalue(), err.getvalue()


def web(name: str, image: str = "nginx:1") -> Obj:
    obj = deployment(name, image, replicas=2)
    obj["spec"]["selector"] = {"matchLabels": {"app": name}}
    obj["spec"]["template"]["metadata"]["labels"] = {"app": name}
    return obj


def prepared(cluster: Cluster, name: str, *images: str, notes: dict[str, str] | None = None) -> None:
    """A Deployment that has rolled out all of those images but the last."""

    async def work() -> None:
        async with HttpClient(load(Overrides(kubeconfig=cluster.kubeconfig), {})) as client:
            first = web(name, images[0])
            first["metadata"]["annotations"] = notes or {}
            await client.create(DEPLOYMENTS, "default", first)
            for image in images[1:]:
                await Rollout(client, f"deployment/{name}").wait(20)
                patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
                await client.patch(DEPLOYMENTS, "default", name, patch, STRATEGIC_PATCH)

    asyncio.run(work())


def test_status_live_without_a_terminal_prints_lines_and_ends_with_3_when_stuck(cluster: Cluster) -> None:
    prepared(cluster, "lines", "nginx:1", "nginx:2")
    status, out, _ = run(cluster, "status", "--live", "deployment/lines")
    assert status == 0
    assert "deployments/lines: rolled out: 2/2 updated, 2 available; revision 2 (nginx:2): 2 ready" in out
    prepared(cluster, "stuck", "nginx:1", "nginx:999.0")
    status, out, err = run(cluster, "status", "--live", "--fail-fast", "deployment/stuck")
    assert status == 3
    assert 'ImagePullBackOff: image "nginx:999.0"' in out or 'ErrImagePull: image "nginx:999.0"' in out
    assert err.startswith("error: the rollout cannot finish: pod stuck-")


def test_the_stream_of_json_has_a_snapshot_a_line(cluster: Cluster) -> None:
    prepared(cluster, "stream", "nginx:1", "nginx:2")
    status, out, _ = run(cluster, "status", "--live", "-o", "json", "deployment/stream")
    last = json.loads(out.splitlines()[-1])
    assert (status, last["type"], last["object"], last["done"]) == (0, "snapshot", "deployments/stream", True)
    assert [line["images"] for line in last["revisions"] if line["newest"]] == [["nginx:2"]]


def test_another_revision_and_an_end_of_time_are_errors(cluster: Cluster) -> None:
    prepared(cluster, "other", "nginx:1", "nginx:999.0")
    status, _, err = run(cluster, "status", "--live", "--revision=7", "deployment/other")
    assert (status, err) == (1, "error: desired revision (7) is different from the running revision (2)\n")
    assert run(cluster, "status", "--live", "--timeout=200ms", "deployment/other")[::2] == (
        1, "error: timed out waiting for the condition\n")


def test_a_guard_ends_with_0_4_or_5(cluster: Cluster) -> None:
    prepared(cluster, "good", "nginx:1", "nginx:2")
    status, out, _ = run(cluster, "guard", "deployment/good", "--max-restarts=0", "--ready-ratio=50%")
    assert (status, out.splitlines()[-1]) == (0, "deployment.apps/good rolled out, and every condition held")
    prepared(cluster, "bad", "nginx:1", "nginx:999.0")
    status, out, _ = run(cluster, "guard", "deployment/bad", "--on-stuck")
    assert status == 4
    assert "deployment.apps/bad rolled back to revision 1: pod bad-" in out
    assert "deployments/bad: rolled out: 2/2 updated" in out
    prepared(cluster, "first", "nginx:999.0")
    status, out, _ = run(cluster, "guard", "deployment/first", "--on-stuck", "-o", "json")
    last = json.loads(out.splitlines()[-1])
    assert (status, last["ok"], last["undone_to"]) == (5, False, 0)
    assert last["trouble"] == 'no rollout history found for deployment "first"'


@pytest.mark.parametrize(("words", "message"), [
    (["--ready-ratio=2"], 'invalid argument "2" for --ready-ratio: must be between 0 and 1'),
    (["--probe=web"], "must be an http or https URL"),
    (["--query=up"], 'must have the form "URL EXPRESSION"'), (["--failures=0"], "failures and interval must be more than 0"),
    (["-o", "yaml"], "unable to match a printer"), ([], "required resource not specified"),
])
def test_a_guard_refuses_conditions_that_make_no_sense(cluster: Cluster, words: list[str], message: str) -> None:
    status, _, err = run(cluster, "guard", *(["deployment/x"] if words else []), *words)
    assert status == 1
    assert message in err


def test_several_undos_are_all_or_none(cluster: Cluster) -> None:
    prepared(cluster, "one", "nginx:1", "nginx:2")
    prepared(cluster, "two", "nginx:1")
    status, out, err = run(cluster, "undo", "deployment/one", "deployment/two", "--atomic")
    assert (status, out) == (1, "")
    assert err == 'nothing was undone\nerror: no rollout history found for deployment "two"\n'
    run(cluster, "status", "deployment/one")
    status, out, _ = run(cluster, "undo", "deployment/one", "--atomic", "--wait")
    assert (status, out.splitlines()[0]) == (0, "deployment.apps/one rolled back")


def test_the_last_healthy_revision_is_not_left(cluster: Cluster) -> None:
    prepared(cluster, "fine", "nginx:1", "nginx:2")
    run(cluster, "status", "deployment/fine")
    assert run(cluster, "undo", "deployment/fine", "--to-last-healthy")[1] == (
        "deployment.apps/fine skipped rollback (revision 2 is running and fully available)\n")
    prepared(cluster, "ill", "nginx:1", "nginx:999.0")
    status, out, _ = run(cluster, "undo", "deployment/ill", "--to-last-healthy", "--wait", "--fail-fast")
    assert (status, out.splitlines()[0], out.splitlines()[-1]) == (
        0, "deployment.apps/ill rolled back", 'deployment "ill" successfully rolled out')
    assert run(cluster, "undo", "deployment/ill", "--to-last-healthy", "--to-revision=2")[2] == (
        "error: --to-last-healthy and --to-revision exclude each other\n")


def test_a_dry_run_shows_what_the_next_apply_would_change_back_and_adopt_mends_it(cluster: Cluster) -> None:
    manifest = web("applied", "nginx:2")
    del manifest["status"]
    prepared(cluster, "applied", "nginx:1", "nginx:2", notes={LAST_APPLIED: json.dumps(manifest)})
    run(cluster, "status", "deployment/applied")
    status, out, err = run(cluster, "undo", "deployment/applied", "--dry-run=server")
    assert (status, out) == (0, "deployment.apps/applied rolled back (server dry run)\n")
    assert err.endswith("the next apply of the last applied manifest would change back:\n"
                        "  ~ spec.containers[c].image: nginx:1 -> nginx:2\n")
    out = run(cluster, "undo", "deployment/applied", "--adopt")[1]
    assert "  last applied configuration of deployments/applied brought in line\n" in out


def test_remember_says_what_is_kept(cluster: Cluster) -> None:
    prepared(cluster, "plain", "nginx:1")
    run(cluster, "status", "deployment/plain")
    assert run(cluster, "remember", "deployment/plain", "--always")[1] == "deployment.apps/plain revision 1 remembered\n"
    assert json.loads(run(cluster, "remember", "deployment/plain", "-o", "json")[1]) == {
        "object": "deployments/plain", "revision": 1, "copies": [], "missing": []}


def test_a_url_that_answers_or_does_not() -> None:
    async def work(address: str) -> None:
        assert await fetch(f"http://{address}/") == (503, "busy")
        assert (await fetch("http://127.0.0.1:1/")).status == 0
        assert (await fetch("nonsense")).status == 0

    asyncio.run(serve(lambda *_: reply("busy", "503 Service Unavailable"), work))


def stateful(cluster: Cluster, name: str) -> None:
    """Three pods of shop/s:1 that were all ready; then shop/s:404, which sticks, and a plain undo, after which the StatefulSet waits."""
    client = cluster.client
    labels = {"app": name}
    container = {"name": "c", "image": "shop/s:1"}
    client.create(STATEFUL_SETS, "default", {
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name},
        "spec": {"replicas": 3, "serviceName": name, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}})
    cluster.rollout(f"sts/{name}").finished("30s")
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "shop/s:404"}]}}}}
    client.patch(STATEFUL_SETS, "default", name, patch, STRATEGIC_PATCH)
    cluster.wait_for(f"pod/{name}-2", lambda pod: "ImagePullBackOff" in str(pod["status"]), timeout="30s")
    cluster.rollout(f"sts/{name}").undo()


def test_a_stateful_set_that_waits_for_a_pod_of_an_abandoned_revision_says_so(cluster: Cluster) -> None:
    stateful(cluster, "s")
    status, out, err = run(cluster, "status", "sts/s", "--fail-fast", "--timeout=20s")
    assert status == 3
    assert "  pod s-2, container c: ImagePullBackOff: image \"shop/s:404\"; it is of another revision, and a StatefulSet waits" in out
    assert "rollout undo sts/s --force-stuck" in err


@pytest.mark.parametrize("words", [("--to-last-healthy",), ()], ids=["to the last healthy", "again"])
def test_a_stateful_set_is_freed_after_a_plain_undo(cluster: Cluster, words: tuple[str, ...]) -> None:
    name = f"free{len(words)}"
    stateful(cluster, name)
    status, out, err = run(cluster, "undo", f"sts/{name}", "--force-stuck", *words)
    assert (status, err) == (0, "")
    assert f"  pod {name}-2 deleted: it was stuck in the abandoned revision\n" in out
    assert "skipped rollback" in out
    cluster.rollout(f"sts/{name}").finished("30s")
    images = {c["image"] for p in cluster.client.list(PODS, "default", label_selector=f"app={name}").items for c in p["spec"]["containers"]}
    assert images == {"shop/s:1"}


def test_what_was_paused_by_emulation_says_how_it_is_resumed(cluster: Cluster) -> None:
    client = cluster.client
    template = {"metadata": {"labels": {"app": "pe"}}, "spec": {"containers": [{"name": "c", "image": "c"}]}}
    spec = {"replicas": 1, "serviceName": "pe", "selector": {"matchLabels": {"app": "pe"}}, "template": template}
    client.create(STATEFUL_SETS, "default", {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "pe"}, "spec": spec})
    assert run(cluster, "pause", "sts/pe", "--emulate")[0] == 0
    status, _, err = run(cluster, "resume", "sts/pe")
    assert status == 1
    assert "is paused by --emulate: resume it with --emulate" in err
    assert run(cluster, "resume", "sts/pe", "--emulate")[0] == 0
