"""Images that run: layers over one another, the image's own command, user, environment and signal; and layers that lie."""

import asyncio
import tarfile

import pytest
import zstandard

from tests.node.images.make import Made, entry, folder, layer, link, programs
from tests.node.images.small_registry import SmallRegistry
from wherry.node.engine import ContainerBox, PullFailed, Security, StartFailed
from wherry.node.images.archive import load

pytestmark = pytest.mark.real_nodes


@pytest.fixture(scope="module")
def base():
    return programs()


def add(world, made, name="app:1"):
    load(world.engine._images.store, made.docker_archive(world.folder / "a.tar", name))
    return name


async def run(world, image, *command, **fields):
    pod = await world.pod()
    await world.engine.start(pod, ContainerBox(id="c", name="c", image=image, command=command, log=str(world.folder / "log"), **fields))
    ended = await world.exit_of("c")
    return ended.code, world.log("log") if (world.folder / "log").exists() else ""


def test_an_image_runs_as_its_author_meant_it(play, base):
    config = {"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["echo $A $HOME; pwd; id -un; id -gn"], "Env": ["A=b"], "User": "web",
              "WorkingDir": "/srv"}

    async def test(world):
        return await run(world, add(world, Made([base], config)))

    assert play(test) == (0, "b /srv\n/srv\nweb\nweb\n")


def test_layers_packed_with_zstandard_are_unpacked(play, base):
    made = Made([base, layer(said="packed\n")], pack=zstandard.ZstdCompressor().compress)

    async def test(world):
        load(world.engine._images.store, made.layout(world.folder / "layout", "app:1"))
        return await run(world, "app:1", "cat", "/said"), sorted(path.name for path in world.engine._layers.folder.glob("*.tar"))

    assert play(test) == ((0, "packed\n"), [])


def test_a_broken_zstandard_layer_is_told(play, base):
    made = Made([base], pack=lambda plain: zstandard.ZstdCompressor().compress(plain)[:1000])

    async def test(world):
        load(world.engine._images.store, made.layout(world.folder / "layout", "app:1"))
        with pytest.raises(StartFailed, match="failed to unpack layer sha256:"):
            await run(world, "app:1", "true")

    play(test)


def test_a_pod_s_user_goes_before_the_image_s(play, base):
    async def test(world):
        image = add(world, Made([base], {"User": "web"}))
        return await run(world, image, "sh", "-c", "id -u; id -g", security=Security(uid=77))

    assert play(test) == (0, "77\n0\n")


def test_a_later_layer_goes_over_an_earlier_one_and_removes_from_it(play, base):
    files = {"d/stays": "1\n", "d/changed": "old\n", "d/removed": "x", "o/old": "x", "gone/x": "x"}
    first = layer(folder("d"), folder("o"), folder("gone"), **files)
    second = layer(folder("d"), folder("o"), entry(".wh.gone"), entry("d/.wh.removed"), entry("o/.wh..wh..opq"),
                   **{"d/changed": "new\n", "o/new": "n\n"})

    async def test(world):
        image = add(world, Made([base, first, second]))
        return await run(world, image, "sh", "-c", "cat /d/stays /d/changed; ls /d /o; ls /gone")

    code, text = play(test)
    assert text.splitlines()[:7] == ["1", "new", "/d:", "changed", "stays", "", "/o:"]
    assert "removed" not in text
    assert text.splitlines()[7] == "new"
    assert code != 0


def test_links_of_both_kinds_are_what_they_were(play, base):
    links = layer(entry("etc/real", b"text\n"), link("etc/soft", "/etc/real"), entry("etc/hard", type=tarfile.LNKTYPE, linkname="etc/real"))

    async def test(world):
        return await run(world, add(world, Made([base, links])), "sh", "-c", "cat /etc/soft /etc/hard; stat -c %h /etc/hard")

    assert play(test) == (0, "text\ntext\n2\n")


def test_what_a_container_writes_is_not_in_the_image(play, base):
    async def test(world):
        image = add(world, Made([base]))
        first = await run(world, image, "sh", "-c", "echo x > /etc/mine; rm /bin/seq; ls /etc/mine /bin/seq")
        (world.folder / "log").unlink()
        pod = await world.pod()
        await world.engine.start(pod, ContainerBox(id="d", name="c", image=image, command=("sh", "-c", "ls /etc/mine /bin/seq"),
                                                   log=str(world.folder / "log")))
        await world.exit_of("d")
        return first[0], world.log("log")

    code, text = play(test)
    assert code != 0
    assert "/bin/seq" in text.splitlines()


def test_the_stop_signal_is_the_image_s(play, base):
    async def test(world):
        image = add(world, Made([base], {"StopSignal": "SIGUSR2"}))
        id = await world.start(await world.pod(), "sh", "-c", "trap 'exit 5' USR2; echo ready; while :; do sleep 0.05; done", image=image)
        await world.said(id, "ready")
        await world.engine.stop(id, 20)
        return (await world.exit_of(id)).code

    assert play(test) == 5


@pytest.mark.parametrize(("bad", "words"), [
    (layer(**{"../../outside": "x"}), "a path that leaves the image: ../../outside"),
    (layer(**{"a/../../../outside": "x"}), "a path that leaves the image"),
    (layer(entry("dev/sda", type=tarfile.BLKTYPE, devmajor=8)), "a device node: dev/sda"),
    (layer(entry("hard", type=tarfile.LNKTYPE, linkname="../../../../etc/passwd")), "a path that leaves the image"),
    (layer(entry("hard", type=tarfile.LNKTYPE, linkname="/etc/passwd")), "No such file"),
    (b"no archive at all" * 100, "file could not be opened|read|invalid"),
])
def test_a_layer_that_reaches_out_is_refused(play, base, bad, words):
    async def test(world):
        async with SmallRegistry() as registry:
            with pytest.raises(PullFailed, match=words) as raised:
                await world.engine.pull(registry.add("app", "1", Made([base, bad])))
            return raised.value.text

    assert play(test).startswith('failed to pull and unpack image "127.0.0.1:')


def test_a_link_in_a_layer_leads_nowhere_outside(play, base, tmp_path):
    """Written through it, the file would be on the host; it is in the image, wherever the link says."""
    outside = tmp_path / "outside"
    outside.mkdir()
    tricky = layer(link("way", str(outside)), entry("way/file", b"x"))

    async def test(world):
        async with SmallRegistry() as registry:
            with pytest.raises(PullFailed):
                await world.engine.pull(registry.add("app", "1", Made([base, tricky])))

    play(test)
    assert list(outside.iterdir()) == []


def test_a_layer_with_another_diff_id_is_refused(play, base):
    async def test(world):
        async with SmallRegistry() as registry:
            with pytest.raises(PullFailed, match="wrong diff id calculated on extraction"):
                await world.engine.pull(registry.add("app", "1", Made([base], diffs=["sha256:" + "0" * 64])))
            return list((world.folder / "images" / "unpacked").glob("*/*"))

    assert [path.suffix for path in play(test)] == [".lock"]


def test_a_pulled_image_runs_and_can_be_removed_under_it(play, base):
    async def test(world):
        async with SmallRegistry() as registry:
            name = registry.add("app", "1", Made([base], {"Cmd": ["sh", "-c", "echo ready; read x; cat /etc/passwd | head -1"]}))
            image = await world.engine.pull(name)
        id = await world.start(await world.pod(), image=name, stdin=True)
        await world.said(id, "ready")
        await world.engine.remove_image(image.id)
        session = await world.engine.attach(id, stdin=True)
        await session.stdin.write(b"\n")
        code = (await world.exit_of(id)).code
        return code, world.log(id).splitlines()[-1], await world.engine.image(name)

    assert play(test) == (0, "root:x:0:0:root:/root:/bin/sh", None)


def test_starts_of_an_image_at_once_unpack_it_once(play, base):
    async def test(world):
        image = add(world, Made([base], {"Cmd": ["true"]}))
        pods = await asyncio.gather(*(world.pod() for _ in range(5)))
        ids = await asyncio.gather(*(world.start(pod, image=image) for pod in pods))
        return len(set(ids)), [path.name for path in (world.folder / "images" / "unpacked").glob("*/*") if path.is_dir()]

    count, folders = play(test)
    assert count == 5
    assert len(folders) == 1


def test_of_an_image_that_was_removed_nothing_is_left(play, base):
    async def test(world):
        image = add(world, Made([base, layer(entry("srv/mine", b"x", uid=33, gid=44))], {"Cmd": ["true"]}))
        await run(world, image)
        await world.engine.remove_image((await world.engine.image(image)).id)
        folder = world.folder / "images"
        return [path.name for path in (*folder.glob("unpacked/*/*"), *folder.glob("blobs/*/*"))]

    assert play(test) == []
