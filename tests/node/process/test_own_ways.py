"""What the process engine alone does: memory of a container's own, bounds of what it writes, and the machine's files as an image."""

import pytest

from wherry.node.engine import Mount, Security

pytestmark = pytest.mark.real_nodes


def sh(text):
    return ("sh", "-c", text)


def test_mounts_of_folders_files_and_memory(play):
    async def test(world):
        folder = world.folder / "volume"
        folder.mkdir()
        (folder / "key").write_text("value\n")
        (world.folder / "one").write_text("file\n")
        mounts = (Mount(str(folder), "/data/deep", True), Mount(str(world.folder / "one"), "/etc/one"), Mount("", "/scratch", size=1 << 20))
        return await world.run(*sh("cat /data/deep/key /etc/one; touch /data/deep/x 2>/dev/null || echo read only;"
                                   "dd if=/dev/zero of=/scratch/a bs=1k count=2048 2>/dev/null || echo full"), mounts=mounts)

    assert play(test) == (0, "value\nfile\nread only\nfull\n")


def test_the_root_can_be_read_only(play):
    async def test(world):
        return await world.run(*sh("for f in /x /usr/x /etc/x; do touch $f 2>/dev/null && echo $f; done; touch /tmp2/x && echo volume"),
                               security=Security(read_only_root=True), mounts=(Mount("", "/tmp2"),))

    assert play(test) == (0, "volume\n")


def test_a_pod_that_fills_its_scratch_space_fills_nobody_else_s(play):
    async def test(world):
        small = world.pod(scratch=8 << 20)
        filled = await world.run(*sh("dd if=/dev/zero of=/usr/big bs=1M count=64 2>/dev/null || echo full"), pod=await small)
        other = await world.run(*sh("dd if=/dev/zero of=/usr/big bs=1M count=16 2>/dev/null && echo good"))
        return filled, other

    assert play(test) == ((0, "full\n"), (0, "good\n"))


def test_a_name_of_the_table_stands_for_the_host(play):
    async def test(world):
        image = await world.engine.pull("debian:12")
        return image.id, await world.run("echo", "hi", image="debian:12")

    assert play(test) == ("host", (0, "hi\n"))


def test_a_session_that_is_closed_ends_its_program(play):
    async def test(world):
        id = await world.start(await world.pod(), "sleep", "1000")
        session = await world.engine.exec(id, ["sleep", "4711"])
        await session.close()
        after = await world.engine.exec(id, ["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"])
        seen = await after.stdout.read()
        await after.close()
        return await session.wait(), seen

    code, seen = play(test)
    assert code == 137
    assert b"4711" not in seen
