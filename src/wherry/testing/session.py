"""A shared cluster as one test sees it: everything of the cluster, a namespace of its own, and a kubeconfig that leads there.

Made by the fixture `cluster_session`. The namespace is deleted when the test ends, and its end is not waited for.
"""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from wherry.api.errors import NotFound
from wherry.api.resources import resource
from wherry.cluster import kubeconfig
from wherry.cluster.sync_cluster import SyncCluster
from wherry.testing.fixtures import environment, of_marker

_NAMESPACES = resource("namespaces")
_ACCOUNTS = resource("serviceaccounts")
_count = itertools.count(1)


class NamespacedCluster(SyncCluster):
    """The session's cluster, where everything that names no namespace is in this test's."""

    def __init__(self, cluster: SyncCluster, namespace: str, path: Path) -> None:
        super().__init__(cluster._cluster, namespace)
        self._path = path

    @property
    def kubeconfig_path(self) -> Path:
        """A kubeconfig whose context is in this test's namespace."""
        return self._path


@contextmanager
def namespaced(cluster: SyncCluster, item: pytest.Item) -> Iterator[NamespacedCluster]:
    """The view of one test. A marker may only ask for `kubeconfig`: the cluster is there already."""
    marked = of_marker(item)
    if extra := sorted(marked.keys() - {"kubeconfig"}):
        raise pytest.UsageError(f"marker wherry: {', '.join(extra)} cannot be chosen for the session's cluster; use the fixture `cluster`")
    namespace = _namespace_for(item.name)
    cluster.client.create(_NAMESPACES, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    cluster.wait_for("serviceaccount/default", "create", namespace=namespace)
    with tempfile.TemporaryDirectory(prefix="wherry-") as folder:
        path = Path(folder) / "kubeconfig"
        config = yaml.safe_load(cluster.kubeconfig_path.read_text())
        config["contexts"][0]["context"]["namespace"] = namespace
        kubeconfig.write(path, config)
        view = NamespacedCluster(cluster, namespace, path)
        try:
            with environment(view, marked.get("kubeconfig", item.config.getini("wherry_kubeconfig"))):
                yield view
        finally:
            with suppress(NotFound):  # the test may have deleted it
                cluster.client.delete(_NAMESPACES, "", namespace)


def _namespace_for(test: str) -> str:
    """A name that says which test it was."""
    plain = re.sub(r"[^a-z0-9]+", "-", test.lower()).strip("-")[:40].strip("-")
    return f"{plain or 'test'}-{next(_count)}"
