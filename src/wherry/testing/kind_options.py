"""pytest-kind's command line options, for suites that give them: `-p wherry.testing.kind_options`.

They are not part of the plugin because their names are common ones that a suite's own conftest may use.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kind")
    group.addoption("--cluster-name", default="pytest-kind", help="The name that kind_cluster.name has.")
    group.addoption("--keep-cluster", action="store_true", help="Accepted; the cluster lives in this process and ends with it.")
    group.addoption("--kubeconfig", default=None, help="Where the kubeconfig is written.")
    group.addoption("--kind-image", default=None, help="Accepted; there is one version of wherry, and it is installed.")
    group.addoption("--kind-bin", default=None, help="Accepted; no kind is run.")
    group.addoption("--kind-kubectl-bin", default=None, help="The kubectl to use.  [default: the one on PATH]")
