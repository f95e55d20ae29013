"""The pytest plugin (entry point `pytest11`): fixtures that tests ask for, never automatic, and what a failed test's report gains.

Loaded in every pytest run of an environment that has wherry, so it imports nothing of a cluster until a fixture is used. A test chooses its
cluster by the marker `wherry` (any field of `Options`, and `manifests`, `faults`, `kubeconfig`), a project by ini options of the same names
with `wherry_` before them. Works under pytest-xdist as it is: every cluster takes a free port and a temporary directory of its own.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wherry.cluster.sync_cluster import SyncCluster
    from wherry.testing.kind_cluster import KindCluster
    from wherry.testing.session import NamespacedCluster

_MARKER = "wherry(**options): the cluster of this test: any field of wherry.Options, and manifests=, faults=, kubeconfig="
_FIXTURES = {"cluster", "cluster_session", "wherry_session", "kubeconfig", "kind_cluster"}
CLUSTER: pytest.StashKey[list[Any]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    from wherry.testing.ini import add

    add(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What a cluster is made of is imported before the first test, if one will use it: the first is as quick as the others then."""
    if not session.config.option.collectonly and any(_FIXTURES & set(getattr(item, "fixturenames", ())) for item in session.items):
        from wherry.testing.fixtures import prepare

        prepare()


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[SyncCluster]:
    """A fresh cluster for this test: its own thread, memory, port and kubeconfig. Everything of it goes with the test."""
    from wherry.testing.fixtures import fresh

    with fresh(request.node) as running:
        request.node.stash.setdefault(CLUSTER, []).append(running)
        yield running


@pytest.fixture(scope="session")
def wherry_session(request: pytest.FixtureRequest) -> Iterator[SyncCluster]:
    """The cluster that the tests of a session share (each worker of pytest-xdist has one); made by the ini options."""
    from wherry.testing.fixtures import of_session

    with of_session(request.config) as running:
        yield running


@pytest.fixture
def cluster_session(request: pytest.FixtureRequest, wherry_session: SyncCluster) -> Iterator[NamespacedCluster]:
    """The session's cluster, with a namespace for this test alone; its kubeconfig leads there."""
    from wherry.testing.session import namespaced

    with namespaced(wherry_session, request.node) as view:
        request.node.stash.setdefault(CLUSTER, []).append(view)
        yield view


@pytest.fixture
def kubeconfig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of the kubeconfig of this test's cluster; $KUBECONFIG says so too until the test ends."""
    name = "cluster_session" if "cluster_session" in request.fixturenames else "cluster"
    path: str = request.getfixturevalue(name).kubeconfig
    monkeypatch.setenv("KUBECONFIG", path)
    return path


@pytest.fixture(scope="session")
def kind_cluster(request: pytest.FixtureRequest) -> Iterator[KindCluster]:
    """A drop-in for pytest-kind's fixture of this name, without Docker. Its options: `-p wherry.testing.kind_options`."""
    from wherry.testing.kind_cluster import of_options

    kind = of_options(request.config)
    kind.create()
    yield kind
    kind.delete()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test's report gains what its clusters looked like."""
    report = yield
    if report.failed and call.when == "call" and CLUSTER in item.stash:
        from wherry.testing.report import describe

        clusters = item.stash[CLUSTER]
        report.sections.extend(describe(item, clusters, call.excinfo.value if call.excinfo is not None else None))
    return report


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """A readable difference of two objects of the API: the paths that differ, each with both values."""
    if op != "==" or not (isinstance(left, dict) and isinstance(right, dict)) or "kind" not in left or "kind" not in right:
        return None
    from wherry.testing.differences import compared

    return compared(left, right)
