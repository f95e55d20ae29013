"""pytest-kind's `KindCluster` on a wherry cluster: the same attributes and methods, no Docker, and a start in milliseconds.

Made by the fixture `kind_cluster`. What differs: nodes are simulated and called sim-0, sim-1, ...; `port_forward` and images reach what the
simulated runtime offers. Source of the shape: https://codeberg.org/hjacobs/pytest-kind (README, "KindCluster object").
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from wherry.cluster import kubeconfig
from wherry.cluster.cluster import Cluster
from wherry.cluster.sync_cluster import SyncCluster
from wherry.testing import kind_contents

#: seconds until kubectl must say that it forwards
FORWARD_LIMIT = 10.0


class KindCluster:
    """`create` starts it, `delete` stops it; both may be called twice."""

    def __init__(
        self,
        name: str = "pytest-kind",
        kubeconfig: Path | None = None,
        image: str | None = None,
        kind_path: Path | None = None,
        kubectl_path: Path | None = None,
    ) -> None:
        self.name = name
        self.image = image
        self.platform = platform.system().lower()
        self._folder = TemporaryDirectory(prefix="wherry-kind-")
        self.path = Path(self._folder.name)
        self.kubeconfig_path = kubeconfig or self.path / "kubeconfig"
        self.kind_path = kind_path or self.path / "kind"
        self.kubectl_path = kubectl_path or Path(os.environ.get("KUBECTL") or shutil.which("kubectl") or "kubectl")
        self._cluster: SyncCluster | None = None
        self._stop = ExitStack()
        self._api: Any = None

    @property
    def cluster(self) -> SyncCluster:
        """The cluster behind it, with its clock and faults."""
        if self._cluster is None:
            raise RuntimeError("the cluster does not run: call create()")
        return self._cluster

    def ensure_kind(self) -> None:
        """Makes `kind_path` the command that `wherry kind` is, for suites that run it."""
        from wherry.testing.kind_shim import write

        if not self.kind_path.exists():
            write(self.kind_path)

    def ensure_kubectl(self) -> None:
        """Raises RuntimeError when there is no kubectl: none is downloaded."""
        if shutil.which(str(self.kubectl_path)) is None:
            raise RuntimeError("no kubectl on PATH: install one, or name it with --kind-kubectl-bin or $KUBECTL")

    def create(self, config_file: str | Path | None = None) -> None:
        """Starts the cluster with as many nodes as kind's configuration file lists."""
        if self._cluster is not None:
            return
        nodes = len((yaml.safe_load(Path(config_file).read_text()) or {}).get("nodes") or [{}]) if config_file else 1
        cluster = self._cluster = self._stop.enter_context(Cluster(nodes=nodes))
        kubeconfig.merge(self.kubeconfig_path, kind_contents.config(self.name, cluster.url, cluster.kubeconfig_path.parent / "pki"))
        cluster.apply(*kind_contents.objects())

    @property
    def api(self) -> Any:
        """pykube's client of this cluster."""
        if self._api is None:
            import pykube  # type: ignore[import-untyped]

            self._api = pykube.HTTPClient(pykube.KubeConfig.from_file(str(self.kubeconfig_path)))
        return self._api

    def load_docker_image(self, docker_image: str) -> None:
        """The image is on every node from now on."""
        nodes = self.cluster.nodes
        if nodes is None:
            raise RuntimeError("this cluster runs no nodes")
        for node in nodes.node_names:
            self.cluster.tell(lambda node=node: nodes.load_image(node, docker_image))  # type: ignore[misc]

    def kubectl(self, *args: str, **kwargs: Any) -> str:
        """Runs a kubectl command against the cluster and gives its output."""
        self.ensure_kubectl()
        command = [str(self.kubectl_path), *args]
        output: str = subprocess.check_output(command, env=self._environment(), encoding="utf-8", **kwargs)
        return output

    @contextmanager
    def port_forward(
        self, service_or_pod_name: str, remote_port: int, *args: str, local_port: int | None = None, retries: int = 10
    ) -> Iterator[int]:
        """Runs `kubectl port-forward` on a free port and gives it. Raises RuntimeError with what kubectl said."""
        self.ensure_kubectl()
        port = local_port or _free_port()
        command = [str(self.kubectl_path), "port-forward", service_or_pod_name, f"{port}:{remote_port}", *args]
        process = subprocess.Popen(command, env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            if "Forwarding" not in process.stdout.readline():
                raise RuntimeError(f"kubectl port-forward: {process.stderr.read().strip()}")
            yield port
        finally:
            process.kill()
            process.communicate()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig_path)}

    def delete(self) -> None:
        """Stops the cluster and removes its files."""
        self._cluster = None
        if self._api is not None:
            self._api.session.close()
            self._api = None
        self._stop.__exit__(*sys.exc_info())
        self._folder.cleanup()


def of_options(config: pytest.Config) -> KindCluster:
    """As pytest-kind's options say, where they are known."""

    def path(option: str) -> Path | None:
        text = config.getoption(option, None)
        return Path(text) if text else None

    name = config.getoption("cluster_name", None) or "pytest-kind"
    return KindCluster(
        name, path("kubeconfig"), config.getoption("kind_image", None), kind_path=path("kind_bin"), kubectl_path=path("kind_kubectl_bin")
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
