"""Images in the data directory: from archives and layouts, found by name, digest and id, and gone when nothing names them."""

import json
import tarfile

import pytest

from tests.node.images.make import Made, layer
from wherry.node.engine import PullFailed
from wherry.node.images.archive import ArchiveError, load
from wherry.node.images.store import ImageStore

CONFIG = {"Entrypoint": ["/entry"], "Cmd": ["serve"], "Env": ["A=b=c"], "User": "web", "WorkingDir": "/srv", "StopSignal": "SIGQUIT",
          "Volumes": {"/data": {}}}


@pytest.fixture
def store(tmp_path):
    return ImageStore(tmp_path / "images")


def made(text="one", **config):
    return Made([layer(a=text), layer(b=text)], config or CONFIG)


def test_an_archive_of_docker_save_is_loaded(store, tmp_path):
    image = made()
    (stored,) = load(store, image.docker_archive(tmp_path / "a.tar", "app:1", "app:2"))
    assert stored.image.id == image.id
    assert stored.image.names == ("docker.io/library/app:1", "docker.io/library/app:2")
    config = stored.image.config
    assert (config.entrypoint, config.command, config.env) == (("/entry",), ("serve",), (("A", "b=c"),))
    assert (config.user, config.working_dir, config.stop_signal, config.volumes) == ("web", "/srv", "SIGQUIT", ("/data",))


@pytest.mark.parametrize("packed", [True, False])
def test_an_oci_layout_is_loaded(store, tmp_path, packed):
    image = made()
    path = image.layout(tmp_path / "layout", "quay.io/me/app:1")
    if packed:
        with tarfile.open(tmp_path / "layout.tar", "w") as archive:
            archive.add(path, ".")
        path = tmp_path / "layout.tar"
    (stored,) = load(store, path)
    assert stored.image.digests == (f"quay.io/me/app@{image.digest}",)
    assert store.find("quay.io/me/app:1") == store.find(f"quay.io/me/app@{image.digest}") == store.find(image.id[7:19]) == stored


def test_what_was_loaded_is_there_for_another_process(store, tmp_path):
    (stored,) = load(store, made().docker_archive(tmp_path / "a.tar", "app:1"))
    assert ImageStore(store.folder).find("app:1") == stored


def test_a_name_belongs_to_the_image_that_got_it_last(store, tmp_path):
    load(store, made("old").docker_archive(tmp_path / "a.tar", "app:1"))
    (new,) = load(store, made("new").docker_archive(tmp_path / "b.tar", "app:1"))
    assert store.find("app:1") == new
    assert [stored.image.names for stored in store.all()] == [(), ("docker.io/library/app:1",)]


def test_an_image_goes_with_its_last_name_and_its_blobs_with_it(store, tmp_path):
    image = made()
    load(store, image.docker_archive(tmp_path / "a.tar", "app:1", "app:2"))
    assert store.untag("app:1")
    assert store.find("app:2") is not None
    assert store.untag("app:2")
    assert store.all() == []
    assert not list((store.folder / "blobs" / "sha256").iterdir())
    assert not store.untag("app:2")


def test_layers_of_another_image_stay(store, tmp_path):
    load(store, Made([layer(a="1"), layer(b="2")]).docker_archive(tmp_path / "a.tar", "app:1"))
    (other,) = load(store, Made([layer(a="1"), layer(b="3")]).docker_archive(tmp_path / "b.tar", "app:2"))
    store.untag("app:1")
    assert all(store.has_blob(one.blob) for one in other.layers)


def test_a_layer_in_use_is_not_removed(store, tmp_path):
    (stored,) = load(store, made().docker_archive(tmp_path / "a.tar", "app:1"))
    held = store.hold("single", stored.layers[0].diff)
    folder = next((store.folder / "unpacked" / "single").glob("*.lock")).with_suffix("")
    folder.mkdir()
    store.untag("app:1")
    assert folder.exists()
    import os

    os.close(held)
    store.collect()
    assert not folder.exists()


def test_what_is_no_archive_is_refused(store, tmp_path):
    (tmp_path / "x").write_bytes(b"no archive")
    with pytest.raises(ArchiveError, match="x: "):
        load(store, tmp_path / "x")
    (tmp_path / "y.tar").write_bytes(layer(a="b"))
    with pytest.raises(ArchiveError, match=r"neither an archive of docker save nor an OCI layout"):
        load(store, tmp_path / "y.tar")


def test_a_layout_with_another_digest_than_it_says_is_refused(store, tmp_path):
    image = made()
    path = image.layout(tmp_path / "layout", "app")
    digest = json.loads(image.manifest)["layers"][0]["digest"]
    (path / "blobs" / "sha256" / digest[7:]).write_bytes(b"something else")
    with pytest.raises(ArchiveError, match="has the digest"):
        load(store, path)
    assert store.all() == []


def test_a_digest_that_is_a_path_is_refused(store, tmp_path):
    path = made().layout(tmp_path / "layout", "app")
    (path / "index.json").write_text(json.dumps({"manifests": [{"digest": "sha256:../../../etc/passwd", "size": 1}]}))
    with pytest.raises(ArchiveError, match="is not supported"):
        load(store, path)


def test_a_bad_name_in_an_archive_is_refused(store, tmp_path):
    with pytest.raises(PullFailed, match="must be lowercase"):
        load(store, made().docker_archive(tmp_path / "a.tar", "App:1"))
