"""The pytest plugin as a project sees it: pytest runs on a folder with tests, in a process of its own."""

from __future__ import annotations

import json
import re
from importlib.metadata import entry_points
from pathlib import Path

from tests.testing.inner import run

OBJECTS = """
apiVersion: v1
kind: Namespace
metadata: {name: team}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: team}
data: {colour: blue}
"""


def test_a_cluster_for_each_test_as_markers_and_ini_say(tmp_path: Path) -> None:
    test = """
        import os, ssl, threading
        import pytest
        from pathlib import Path
        from wherry.api.resources import resource

        NODES, MAPS = resource("nodes"), resource("configmaps")
        urls = set()

        def test_one(cluster):
            assert cluster.options.time == "virtual"
            assert len(cluster.client.list(NODES).items) == 2
            assert cluster.client.get(MAPS, "team", "settings")["data"] == {"colour": "blue"}
            assert "KUBECONFIG" not in os.environ
            urls.add(cluster.kubeconfig)

        @pytest.mark.wherry(nodes=1, time="real", kubeconfig=True, faults=[{"image_missing": "app:bad"}])
        def test_two(cluster):
            assert len(cluster.client.list(NODES).items) == 1
            assert os.environ["KUBECONFIG"] == cluster.kubeconfig
            assert [fault.name for fault in cluster.faults.active] == ["image_missing app:bad"]
            urls.add(cluster.kubeconfig)

        def test_three(cluster, kubeconfig):
            assert os.environ["KUBECONFIG"] == kubeconfig == cluster.kubeconfig

        def test_nothing_is_left():
            assert len(urls) == 2
            assert not any(Path(url).exists() for url in urls)
            assert "KUBECONFIG" not in os.environ
            assert [t.name for t in threading.enumerate() if t.name == "wherry"] == []
    """
    ini = "[pytest]\nwherry_nodes = 2\nwherry_time = virtual\nwherry_seed = 3\nwherry_manifests = objects.yaml\n"
    done = run(tmp_path, {"pytest.ini": ini, "objects.yaml": OBJECTS, "test_it.py": test}, "-p", "no:randomly")
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_a_session_cluster_gives_every_test_a_namespace_and_works_under_xdist(tmp_path: Path) -> None:
    test = """
        import os
        import pytest, yaml
        from pathlib import Path
        from wherry.api.resources import resource

        MAPS = resource("configmaps")

        @pytest.mark.parametrize("n", range(4))
        def test_alone(cluster_session, kubeconfig, n):
            c = cluster_session
            assert c.namespace.startswith("test-alone-")
            assert yaml.safe_load(Path(kubeconfig).read_text())["contexts"][0]["context"]["namespace"] == c.namespace
            made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "same"}}
            c.client.create(MAPS, c.namespace, made)
            c.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}})
            assert c.wait_for("configmap/applied", "create")["metadata"]["namespace"] == c.namespace
    """
    done = run(tmp_path, {"test_it.py": test}, "-n", "2")
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_a_failed_test_shows_the_cluster_and_saves_its_state(tmp_path: Path) -> None:
    test = """
        import pytest
        from wherry.api.resources import resource
        from tests_objects import deployment

        @pytest.mark.wherry(time="virtual", seed=1)
        def test_it(cluster):
            with cluster.faults.image_missing("app:v1"):
                cluster.client.create(resource("deployments", "apps"), "default", deployment())
                cluster.rollout("deployment/web").finished("1m")

        def test_objects(cluster):
            (left,) = cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1"}})
            assert left == {**left, "data": {"k": "2"}}
    """
    objects = Path(__file__).with_name("workloads.py").read_text()
    ini = "[pytest]\npythonpath = .\nwherry_save_failed = failed\n"
    done = run(tmp_path, {"pytest.ini": ini, "tests_objects.py": objects, "test_it.py": test})
    text = done.stdout
    assert "2 failed" in text, text + done.stderr
    for wanted in (
        "wherry: events",
        "wherry: pods",
        "wherry: last writes",
        "rollout not finished within 1m",
        'ImagePullBackOff: image "app:v1"',
        "ConfigMap a == ConfigMap a",
        ".data.k",
    ):
        assert wanted in text
    assert re.search(r"create deployments.apps/default/web by wherry", text)
    saved = sorted((tmp_path / "failed").iterdir())
    assert [path.name for path in saved] == ["test_it.py-test_it.json", "test_it.py-test_objects.json"]
    keys = {entry["key"] for entry in json.loads(saved[0].read_text())["objects"]}
    assert "deployments.apps/default/web" in keys
    assert f"wherry up --ephemeral --port 0 --from {saved[0]}" in text
    # as it was when the test failed, not after the fault was undone
    assert re.search(r"default/web-\S+ Pending on sim-\d: .*: ImagePullBackOff", text.partition("wherry: pods")[2]), text
    writes = text.partition("last writes")[2].partition("wherry:")[0]
    assert not re.search("nodes/sim-. by kubelet|serviceaccounts|clusterroles", writes), "what every cluster writes by itself is no news"
    pods = [e["object"] for e in json.loads(saved[0].read_text())["objects"] if e["key"].startswith("pods/")]
    assert pods[0]["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"


def test_wrong_words_are_named(tmp_path: Path) -> None:
    test = """
        import pytest

        @pytest.mark.wherry(node=3)
        def test_it(cluster):
            pass
    """
    done = run(tmp_path, {"test_it.py": test})
    assert "unknown option node (did you mean nodes?); known are" in done.stdout


def test_each_option_may_stand_in_the_ini_file_and_is_checked(tmp_path: Path) -> None:
    test = """
        def test_it(cluster):
            told = cluster.options
            assert (told.ready_seconds, told.pull_seconds, told.guards, told.image_missing) == (1.5, 60.0, False, ("a:*", "b:*"))
    """
    ini = "[pytest]\nwherry_ready_seconds = 1.5\nwherry_pull_seconds = 1m\nwherry_guards = false\nwherry_image_missing =\n  a:*\n  b:*\n"
    done = run(tmp_path, {"test_it.py": test, "pytest.ini": ini})
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    done = run(tmp_path, {"test_it.py": test, "pytest.ini": "[pytest]\nwherry_time = virtul\n"})
    assert "time must be \"real\" or \"virtual\", not 'virtul'" in done.stdout
    done = run(tmp_path, {"test_it.py": test, "pytest.ini": "[pytest]\nwherry_nodes = many\n"})
    assert "wherry_nodes: 'many' is not a number" in done.stdout


def test_asynchronous_tests_of_both_plugins_and_unittest(tmp_path: Path) -> None:
    test = """
        import unittest
        import pytest
        from wherry import Cluster
        from wherry.api.resources import resource

        NODES = resource("nodes")

        @pytest.mark.asyncio
        @pytest.mark.wherry(time="virtual")
        async def test_asyncio(cluster):
            before = cluster.clock.now()
            await cluster.aio.clock.advance("1m")
            assert cluster.clock.now() == before + 60
            assert len((await cluster.aio.client.list(NODES)).items) == 3

        @pytest.mark.anyio
        async def test_anyio(cluster):
            async with Cluster(nodes=1) as own:
                assert len((await own.client.list(NODES)).items) == 1
            assert len(cluster.client.list(NODES).items) == 3

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        class Old(unittest.TestCase):
            def setUp(self):
                self.cluster = self.enterContext(Cluster(nodes=1))

            def test_it(self):
                self.assertEqual(len(self.cluster.client.list(NODES).items), 1)

        class New(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                self.cluster = await self.enterAsyncContext(Cluster(nodes=1, time="virtual"))

            async def test_it(self):
                await self.cluster.clock.advance("10s")
                self.assertEqual(len((await self.cluster.client.list(NODES)).items), 1)
    """
    done = run(tmp_path, {"test_it.py": test, "pytest.ini": "[pytest]\nasyncio_default_fixture_loop_scope = function\n"})
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_pytest_finds_the_plugin_by_itself() -> None:
    found = [point.value for point in entry_points(group="pytest11") if point.name == "wherry"]
    assert found == ["wherry.testing.plugin"]


def test_the_plugin_loads_nothing_of_a_cluster(tmp_path: Path) -> None:
    test = """
        import sys

        def test_it():
            loaded = {name for name in sys.modules if name.startswith("wherry.")}
            assert "wherry.cluster.options" in loaded
            assert not loaded & {"wherry.cluster.cluster", "wherry.api.resources", "wherry.store", "wherry.registry", "wherry.client"}
            assert not sys.modules.keys() & {"aiohttp", "msgspec", "cryptography", "yaml"}
            assert len(loaded) < 20, loaded
    """
    done = run(tmp_path, {"test_it.py": test})
    assert "1 passed" in done.stdout, done.stdout
