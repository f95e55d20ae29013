"""Where a cluster's nodes look for images, by its options."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from wherry.cluster.option_values import OptionError
from wherry.cluster.options import Options
from wherry.cluster.real_nodes import registries
from wherry.node.engine import PullFailed
from wherry.node.images.images import Images, Registries
from wherry.node.images.names import parse
from wherry.node.images.store import ImageStore


def test_mirrors_are_asked_before_the_registry_itself_in_their_order() -> None:
    options = Options(registry_mirrors=("docker.io=https://a.example/", "docker.io=http://b.example:5000", "quay.io=https://c.example"))
    found = registries(options)
    assert found.addresses(parse("nginx:1")) == ["https://a.example", "http://b.example:5000", "https://registry-1.docker.io"]
    assert found.addresses(parse("quay.io/x/y:1")) == ["https://c.example", "https://quay.io"]
    assert found.addresses(parse("other.example/x:1")) == ["https://other.example"]


def test_registries_without_tls_are_named_by_globs() -> None:
    found = registries(Options(plain_registries=("registry.*",)))
    assert found.addresses(parse("registry.test:5000/x:1")) == ["http://registry.test:5000"]
    assert found.addresses(parse("localhost:5000/x:1")) == ["http://localhost:5000"]


@pytest.mark.parametrize("row", ["docker.io", "docker.io=", "=https://a", "docker.io=a.example"])
def test_a_row_that_is_none_is_refused(row: str) -> None:
    with pytest.raises(OptionError, match="registry_mirrors: a row is REGISTRY=ADDRESS"):
        registries(Options(registry_mirrors=(row,)))


def test_images_that_are_said_to_be_missing_are_not_asked_for(tmp_path: Path) -> None:
    images = Images(ImageStore(tmp_path), registries=Registries(missing=("*:999.*",)))

    async def pull() -> None:
        await images.pull("nginx:999.9")

    with pytest.raises(PullFailed, match=r"docker\.io/library/nginx:999\.9: not found"):
        asyncio.run(pull())


def test_what_is_missing_for_simulated_nodes_by_default_is_asked_for_by_real_ones() -> None:
    assert registries(Options()).missing == ()
    assert registries(Options(image_missing=("team/*",))).missing == ("team/*",)
