"""Pulling from a registry on loopback: what comes, what is refused, what goes on where it was broken off."""

import asyncio
import base64
import json
import os

import pytest

from tests.node.images.make import Made, digest, layer
from tests.node.images.small_registry import SmallRegistry
from wherry.node.engine import Credentials, PullFailed
from wherry.node.images.images import Images, Registries
from wherry.node.images.manifests import architecture
from wherry.node.images.store import ImageStore


@pytest.fixture(autouse=True)
def no_config_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


@pytest.fixture
def images(tmp_path):
    return Images(ImageStore(tmp_path / "images"), registries=Registries(silence=0.5))


def made(text="one", big=0):
    return Made([layer(a=text), layer(b=base64.b64encode(os.urandom(big)).decode() if big else text)], {"Cmd": ["x"]})


async def pull(images, name, *given, progress=None):
    try:
        return await images.pull(name, given, progress)
    finally:
        await images.close()


def run(images, work):
    async def whole():
        async with SmallRegistry() as registry:
            return await work(registry)

    return asyncio.run(whole())


def test_an_image_is_pulled_by_tag_and_found_by_tag_and_digest(images):
    image = made()

    async def work(registry):
        name = registry.add("app", "1", image)
        stored = await pull(images, name)
        return name, registry.host, stored

    name, host, stored = run(images, work)
    assert (stored.image.id, stored.image.names, stored.image.digests) == (image.id, (name,), (f"{host}/app@{image.digest}",))
    assert all(images.store.has_blob(one) for one in image.blobs)
    assert images.store.find(f"{host}/app@{image.digest}") == stored


def test_an_image_is_pulled_by_digest(images):
    image = made()

    async def work(registry):
        registry.add("app", "1", image)
        return await pull(images, f"{registry.host}/app@{image.digest}")

    assert run(images, work).image.names == ()


def test_of_many_platforms_this_one_is_taken(images):
    mine, other = made("mine"), made("other")

    async def work(registry):
        return await pull(images, registry.add_index("app", "1", **{architecture(): mine, "s390x": other}))

    assert run(images, work).image.id == mine.id


def test_an_image_for_other_platforms_alone_is_refused(images):
    async def work(registry):
        with pytest.raises(PullFailed, match="no match for platform in manifest"):
            await pull(images, registry.add_index("app", "1", s390x=made()))

    run(images, work)


def test_what_is_there_is_not_fetched_again(images):
    async def work(registry):
        name = registry.add("app", "1", made())
        await images.pull(name)
        await pull(images, name)
        return registry.asked

    assert sum(asked.startswith("blob") for asked in run(images, work)) == 3


def test_pulls_of_one_name_at_once_are_one(images):
    async def work(registry):
        name = registry.add("app", "1", made())
        await asyncio.gather(*(images.pull(name) for _ in range(5)))
        await images.close()
        return registry.asked

    assert run(images, work).count("manifest 1") == 1


def test_a_layer_goes_on_where_the_connection_broke(images):
    image = made(big=300_000)

    async def work(registry):
        registry.cut = 150_000
        await pull(images, registry.add("app", "1", image))
        return registry.asked

    starts = [int(asked.split()[2]) for asked in run(images, work) if asked.startswith(f"blob {digest(image.packed_layers[1])}")]
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert len(starts) >= 2
    assert 0 < starts[1] <= 150_000


def test_a_registry_that_knows_no_ranges_sends_the_whole_again(images):
    image = made(big=300_000)

    async def work(registry):
        registry.ranges = False
        name = registry.add("app", "1", image)
        registry.cut = 150_000
        with pytest.raises(PullFailed, match="failed to copy"):
            await images.pull(name)
        registry.cut = 0
        return await pull(images, name)

    assert run(images, work).image.id == image.id


def test_progress_is_told_to_the_end(images):
    image = made(big=300_000)
    seen = []

    async def work(registry):
        await pull(images, registry.add("app", "1", image), progress=lambda there, whole: seen.append((there, whole)))

    run(images, work)
    assert seen[-1][0] == seen[-1][1] == sum(len(one) for one in image.packed_layers)
    assert len(seen) > 3


def test_a_layer_that_is_not_what_it_says_is_refused_and_not_kept(images):
    image = made()

    async def work(registry):
        registry.lie = digest(image.packed_layers[0])
        with pytest.raises(PullFailed, match="unexpected commit digest") as raised:
            await pull(images, registry.add("app", "1", image))
        return raised.value

    assert run(images, work).kind == "ErrImagePull"
    assert not images.store.has_blob(digest(image.packed_layers[0]))
    assert images.store.all() == []


def test_a_layer_larger_than_said_is_refused(images):
    image = made(big=200_000)
    manifest = json.loads(image.manifest)
    manifest["layers"][1]["size"] = 1000

    async def work(registry):
        name = registry.add("app", "1", image)
        registry.replace_manifest("app", "1", json.dumps(manifest).encode())
        with pytest.raises(PullFailed, match="larger than the 1000 bytes"):
            await pull(images, name)

    run(images, work)


@pytest.mark.parametrize(("manifest", "words"), [
    (b"no json", "is no JSON"),
    (b"[]", "is no JSON object"),
    (b'{"schemaVersion": 1}', "is not supported"),
    (b'{"config": {"digest": "sha256:../x", "size": 1}, "layers": []}', "without a proper digest"),
])
def test_a_manifest_that_is_none_is_refused(images, manifest, words):
    async def work(registry):
        name = registry.add("app", "1", made())
        registry.replace_manifest("app", "1", manifest)
        with pytest.raises(PullFailed, match=words):
            await pull(images, name)

    run(images, work)


def test_an_image_that_is_not_there_is_told_in_the_runtime_s_words(images):
    async def work(registry):
        name = f"{registry.host}/nope:1"
        with pytest.raises(PullFailed) as raised:
            await pull(images, name)
        return name, raised.value

    name, failed = run(images, work)
    assert failed.text == f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": {name}: not found'


def test_a_registry_that_hangs_is_given_up(images):
    async def work(registry):
        registry.hang = True
        with pytest.raises(PullFailed, match="no answer in time"):
            await pull(images, registry.add("app", "1", made()))

    run(images, work)


def test_a_registry_that_is_not_there_is_told(images):
    async def work():
        with pytest.raises(PullFailed, match=r'failed to do request: Get "http://127\.0\.0\.1:1/v2/app/manifests/1"'):
            await pull(images, "127.0.0.1:1/app:1")

    asyncio.run(work())


def with_password(work):
    async def whole():
        async with SmallRegistry("ann", "secret") as registry:
            return await work(registry)

    return asyncio.run(whole())


def test_credentials_that_are_given_get_a_token(images):
    async def work(registry):
        return await pull(images, registry.add("app", "1", made()), Credentials(registry.host, "ann", "secret"))

    assert with_password(work).image.names


def test_the_second_credentials_are_tried_when_the_first_do_not_help(images):
    async def work(registry):
        given = [Credentials(registry.host, "ann", "old"), Credentials(registry.host, "ann", "secret")]
        return await pull(images, registry.add("app", "1", made()), *given)

    assert with_password(work).image.names


def test_credentials_of_the_user_s_own_configuration_count(images, tmp_path):
    async def work(registry):
        (tmp_path / "docker").mkdir()
        auth = base64.b64encode(b"ann:secret").decode()
        (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
        return await pull(images, registry.add("app", "1", made()))

    assert with_password(work).image.names


def test_a_helper_program_is_asked(images, tmp_path, monkeypatch):
    helper = tmp_path / "docker-credential-test"
    helper.write_text("#!/bin/sh\nread server\necho '{\"Username\": \"ann\", \"Secret\": \"secret\"}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    async def work(registry):
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker" / "config.json").write_text('{"credsStore": "test"}')
        return await pull(images, registry.add("app", "1", made()))

    assert with_password(work).image.names


@pytest.mark.parametrize("given", [[], [Credentials("other.example", "ann", "secret")]])
def test_without_the_right_credentials_access_is_denied(images, given):
    async def work(registry):
        with pytest.raises(PullFailed, match="pull access denied"):
            await pull(images, registry.add("app", "1", made()), *given)

    with_password(work)


def test_a_mirror_is_asked_first_and_the_registry_when_it_has_none(tmp_path):
    async def work():
        async with SmallRegistry() as mirror, SmallRegistry() as registry:
            mirrors = {registry.host: [f"http://{mirror.host}"]}
            images = Images(ImageStore(tmp_path / "images"), registries=Registries(mirrors))
            mirror.add("both", "1", made("mirror"))
            for path in ("both", "own"):
                registry.add(path, "1", made("registry"))
            both = await images.pull(f"{registry.host}/both:1")
            own = await pull(images, f"{registry.host}/own:1")
            return both.image.id, own.image.id, registry.asked

    both, own, asked = asyncio.run(work())
    assert (both, own) == (made("mirror").id, made("registry").id)
    assert asked.count("manifest 1") == 1
