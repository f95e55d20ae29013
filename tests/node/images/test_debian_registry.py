"""Pulling from the registry that everyone runs (distribution), as Debian packages it: `docker-registry`."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest

from tests.node.images.make import MANIFEST, Made, digest, layer
from wherry.node.images.images import Images
from wherry.node.images.store import ImageStore

pytestmark = pytest.mark.real_nodes


@pytest.fixture
def registry(tmp_path):
    program = shutil.which("docker-registry")
    assert program, "the package docker-registry is not installed"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config = tmp_path / "registry.yml"
    config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/registry}}}}\nhttp: {{addr: '{host}'}}\n")
    with subprocess.Popen([program, "serve", str(config)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            _until_up(host)
            yield host
        finally:
            process.terminate()


def _until_up(host):
    until = time.monotonic() + 20
    while True:
        try:
            return urllib.request.urlopen(f"http://{host}/v2/", timeout=5).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.02)


def push(host, path, tag, made):
    for key, data in made.blobs.items():
        with _ask("POST", f"http://{host}/v2/{path}/blobs/uploads/", b"") as begun:
            where = begun.headers["Location"]
        _ask("PUT", f"{where}&digest={key}", data).close()
    _ask("PUT", f"http://{host}/v2/{path}/manifests/{tag}", made.manifest, MANIFEST).close()


def _ask(method, url, data, kind="application/octet-stream"):
    return urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": kind}, method=method), timeout=10)


def test_an_image_is_pulled_and_pulled_on_from_where_it_was_broken_off(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    made = Made([layer(a="one"), layer(b="two" * 100_000)], {"Cmd": ["x"]}, packed=False)
    push(registry, "me/app", "1", made)
    store = ImageStore(tmp_path / "images")
    last = made.layers[1]
    store.partial(digest(last)).write_bytes(last[:100_000])

    async def pull():
        images = Images(store)
        try:
            return await images.pull(f"{registry}/me/app:1")
        finally:
            await images.close()

    stored = asyncio.run(pull())
    assert stored.image.id == made.id
    assert stored.manifest == digest(made.manifest)
    assert json.loads(store.blob(stored.manifest).read_bytes())["layers"][1]["size"] == len(last)
    assert store.blob(digest(last)).read_bytes() == last
