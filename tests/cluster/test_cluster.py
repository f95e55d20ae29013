"""`from wherry import Cluster`, in an `async with` and in a plain `with`."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import urllib.request
from pathlib import Path

import pytest
import yaml

from wherry import Cluster
from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.api.options import MERGE_PATCH
from wherry.api.resources import resource
from wherry.cluster import users
from wherry.cluster.serving import PortError
from wherry.store.protocol import StoreError

MAPS = resource("configmaps")


def config_map(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}


def ask(kubeconfig: str, path: str) -> str:
    config = yaml.safe_load(Path(kubeconfig).read_text())
    context = ssl.create_default_context(cafile=str(Path(kubeconfig).parent / "pki" / "ca.crt"))
    token = config["users"][0]["user"]["token"]
    request = urllib.request.Request(config["clusters"][0]["cluster"]["server"] + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, context=context, timeout=10) as response:
        text: str = response.read().decode()
        return text


def test_async_form() -> None:
    async def story() -> Path:
        async with Cluster(test_mode=True) as c:
            made = await c.client.create(MAPS, "default", config_map("a"))
            assert made["metadata"]["uid"]
            assert c.client is c.aclient
            assert c.url.startswith("https://127.0.0.1:")
            assert await asyncio.to_thread(ask, c.kubeconfig, "/readyz") == "ok"
            return Path(c.kubeconfig)

    assert not asyncio.run(story()).exists(), "temporary files go with the cluster"


def test_sync_form() -> None:
    with Cluster(test_mode=True) as c:
        assert ask(c.kubeconfig, "/readyz") == "ok"
        made = c.client.create(MAPS, "default", config_map("a"))
        events = c.client.watch(MAPS, "default", resource_version=made["metadata"]["resourceVersion"])
        changed = c.client.patch(MAPS, "default", "a", {"data": {"a": "2"}}, MERGE_PATCH)
        assert next(events).object == changed
        assert c.client.update(MAPS, {**changed, "data": {"a": "3"}})["data"] == {"a": "3"}
        assert c.client.get(MAPS, "default", "a")["data"] == {"a": "3"}
        assert [o["metadata"]["name"] for o in c.client.list(MAPS, "default").items] == ["a", "kube-root-ca.crt"]
        c.client.delete(MAPS, "default", "a")
        assert [next(events).type, next(events).type] == ["MODIFIED", "DELETED"]
        events.close()
        with pytest.raises(NotFound):
            c.client.get(MAPS, "default", "a")
        c.client.create(MAPS, "default", config_map("b"))
        c.client.delete_collection(MAPS, "default", field_selector="metadata.name=b")
        assert [o["metadata"]["name"] for o in c.client.list(MAPS, "default").items] == ["kube-root-ca.crt"]


def test_the_sync_client_refuses_to_wait_on_the_loop_itself() -> None:
    async def wrong(c: Cluster) -> None:
        c.client.list(MAPS)

    with Cluster(serve=False) as c, pytest.raises(RuntimeError, match="aclient"):
        c.call(wrong(c))


def test_many_threads_may_use_the_sync_client() -> None:
    import concurrent.futures

    with Cluster(serve=False, test_mode=True) as c, concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: c.client.create(MAPS, "default", config_map(f"m-{n}")), range(40)))
        assert len(c.client.list(MAPS, "default").items) == 41


def test_without_a_server_there_is_no_kubeconfig() -> None:
    with Cluster(serve=False) as c, pytest.raises(RuntimeError, match="does not serve"):
        _ = c.kubeconfig


def test_a_failed_start_leaves_nothing_behind(tmp_path: Path) -> None:
    with Cluster(data_dir=tmp_path) as first:
        with pytest.raises(PortError, match=f"port {first.port} is taken"), Cluster(port=first.port):
            pass
        with pytest.raises(StoreError, match="in use"), Cluster(data_dir=tmp_path):
            pass
        with pytest.raises(StoreError, match="in use"), Cluster(data_dir=tmp_path, ephemeral=True):
            pass
    with Cluster(data_dir=tmp_path, test_mode=True) as again:
        assert again.client.list(resource("nodes")).items


def test_certificates_are_kept_and_made_anew_when_they_do_not_fit(tmp_path: Path) -> None:
    def files() -> dict[str, bytes]:
        return {name: (tmp_path / "pki" / name).read_bytes() for name in ("ca.crt", "ca.key", "server.crt", "server.key", "token")}

    with Cluster(data_dir=tmp_path):
        first = files()
    with Cluster(data_dir=tmp_path):
        assert files() == first
    (tmp_path / "pki" / "server.crt").write_text("damaged")
    with Cluster(data_dir=tmp_path) as c:
        second = files()
        assert ask(c.kubeconfig, "/readyz") == "ok"
    assert second["server.crt"] != first["server.crt"]
    assert {n: second[n] for n in ("ca.crt", "ca.key", "token")} == {n: first[n] for n in ("ca.crt", "ca.key", "token")}
    assert {(tmp_path / "pki" / n).stat().st_mode & 0o777 for n in ("ca.key", "server.key", "token")} == {0o600}


def spoil(c: Cluster) -> None:
    c.client.create(MAPS, "default", config_map("a"))
    c.client.get(MAPS, "default", "a")["data"]["a"] = "x"


def test_test_mode_names_a_changed_shared_object() -> None:
    cluster = Cluster(serve=False, test_mode=True)
    spoil(cluster.__enter__())
    with pytest.raises(AssertionError, match=r"configmaps/default/a: .* changed at \.data\.a: stored '1', now 'x'"):
        cluster.__exit__(None, None, None)


def write_untrue(c: Cluster) -> None:
    untrue = {**config_map("a"), "data": {}, "metadata": {"name": "a", "namespace": "default"}}
    with contextlib.suppress(AssertionError):
        c.call(c.component("bad", users.API_SERVER).create(MAPS, "default", untrue))


def test_test_mode_names_an_untrue_trusted_write() -> None:
    cluster = Cluster(serve=False, test_mode=True)
    write_untrue(cluster.__enter__())
    with pytest.raises(AssertionError, match=r"trusted ConfigMap default/a of bad: \.data is \{\}"):
        cluster.__exit__(None, None, None)


def fail_inside(cluster: Cluster) -> None:
    with cluster as c:
        spoil(c)
        raise KeyError("mine")


def test_a_failure_inside_the_with_is_not_hidden_by_test_mode() -> None:
    with pytest.raises(KeyError, match="mine"):
        fail_inside(Cluster(serve=False, test_mode=True))
