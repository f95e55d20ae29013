"""`apply --prune` against a cluster of ours: what goes, what stays, which flags do not go together."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from wherry import Cluster
from wherry.cli.kube.apply import apply
from wherry.cli.kube.flags import parse
from wherry.cli.kube.options import CONNECTION
from wherry.cli.kube.session import Kube, _whole

ONE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, labels: {app: x}}\ndata: {a: '1'}\n"
TWO = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two, labels: {app: x}}\n"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=0) as running:
        yield running


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "both.yaml").write_text(f"{ONE}---\n{TWO}")
    (tmp_path / "one.yaml").write_text(ONE)
    return {name: str(tmp_path / f"{name}.yaml") for name in ("one", "both")}


def run(cluster: Cluster, *words: str) -> tuple[int, str, str]:
    given = parse([*words, "--kubeconfig", str(cluster.kubeconfig)], (*apply.flags, *CONNECTION))
    out, err = io.StringIO(), io.StringIO()
    status = asyncio.run(_whole(Kube(given, ["apply"], out, err), apply._run))
    return status, out.getvalue(), err.getvalue()


def test_what_is_in_no_file_any_more_goes(cluster: Cluster, files: dict[str, str]) -> None:
    assert run(cluster, "-f", files["both"])[1] == "configmap/one created\nconfigmap/two created\n"
    prune = ("-f", files["one"], "--prune", "-l", "app=x", "--prune-allowlist=core/v1/ConfigMap")
    assert run(cluster, *prune, "--dry-run=client")[1] == "configmap/one unchanged (dry run)\nconfigmap/two pruned (dry run)\n"
    assert run(cluster, *prune, "--dry-run=server")[1] == (
        "configmap/one unchanged (server dry run)\nconfigmap/two pruned (server dry run)\n")
    assert run(cluster, *prune)[1] == "configmap/one unchanged\nconfigmap/two pruned\n"
    assert run(cluster, *prune)[1] == "configmap/one unchanged\n"


def test_a_selector_spares_what_it_does_not_mean_and_all_spares_what_apply_did_not_make(cluster: Cluster, files: dict[str, str]) -> None:
    run(cluster, "-f", files["both"])
    assert run(cluster, "-f", files["one"], "--prune", "-l", "app=y", "--prune-allowlist=core/v1/ConfigMap")[0] == 1
    found = run(cluster, "-f", files["one"], "--prune", "--all", "--prune-allowlist=core/v1/ConfigMap")
    assert found == (0, "configmap/one unchanged\nconfigmap/two pruned\n", "")  # kube-root-ca.crt stays


@pytest.mark.parametrize(("words", "message"), [
    (["--prune"], "all resources selected for prune without explicitly passing --all"),
    (["--all", "-l", "a=b"], "cannot set --all and --selector at the same time"),
    (["--prune", "--all", "--force"], "--force cannot be used with --prune"),
    (["--prune", "--all", "--server-side"], "doesn't currently work on objects created by server-side apply"),
    (["--prune", "--all", "--prune-allowlist=nope"], "invalid GroupVersionKind format: nope, please follow <group/version/kind>"),
    (["--prune", "--all", "--prune-allowlist=core/v1/Nope"], 'no matches for kind "Nope" in version "v1"'),
    (["--prune", "--applyset=x"], "--applyset is not supported"),
])
def test_flags_that_make_no_sense_are_refused(cluster: Cluster, files: dict[str, str], words: list[str], message: str) -> None:
    status, out, err = run(cluster, "-f", files["one"], *words)
    assert (status, out) == (1, "")
    assert message in err
