"""Sessions: a further program in a container (exec), and the container's own streams (attach)."""

import asyncio

import pytest

from wherry.api.errors import InternalError
from wherry.node.engine import NoSuchContainer, Security, StartFailed


async def read_all(source):
    out = b""
    while data := await source.read():
        out += data
    return out


async def sleeping(world, **fields):
    return await world.start(await world.pod(hostname="web-0"), "sleep", "1000", **fields)


def test_exec_runs_in_the_container_s_namespaces_with_its_environment(play):
    async def test(world):
        id = await sleeping(world, env=(("A", "b"),), working_dir="/usr")
        session = await world.engine.exec(id, ["sh", "-c", "hostname; echo $A; pwd; cat /proc/1/comm; echo bad >&2; exit 9"])
        out, err = await asyncio.gather(read_all(session.stdout), read_all(session.stderr))
        code = await session.wait()
        await session.close()
        return out, err, code

    assert play(test) == (b"web-0\nb\n/usr\nsleep\n", b"bad\n", 9)


def test_exec_is_the_container_s_user_with_its_rights(play):
    async def test(world):
        id = await sleeping(world, security=Security(uid=1234, gid=2345, no_new_privileges=True, seccomp="RuntimeDefault"))
        session = await world.engine.exec(id, ["sh", "-c", "id -u; id -g; grep -E 'CapEff|NoNew|Seccomp:' /proc/self/status"])
        out = await read_all(session.stdout)
        await session.close()
        return out.decode().split()

    assert play(test) == ["1234", "2345", "CapEff:", "0000000000000000", "NoNewPrivs:", "1", "Seccomp:", "2"]


def test_exec_reads_its_input_to_the_end(play):
    async def test(world):
        session = await world.engine.exec(await sleeping(world), ["wc", "-c"], stdin=True)
        await session.stdin.write(b"x" * 1_000_000)
        session.stdin.close()
        out = await read_all(session.stdout)
        code = await session.wait()
        await session.close()
        return out, code

    assert play(test) == (b"1000000\n", 0)


def test_a_program_that_reads_no_more_breaks_the_pipe(play):
    async def test(world):
        session = await world.engine.exec(await sleeping(world), ["true"], stdin=True)
        await session.wait()

        async def writing():
            while True:  # the other end of a connection hears of it a moment later
                await session.stdin.write(b"x")
                await asyncio.sleep(0.02)

        with pytest.raises(BrokenPipeError):
            await writing()
        await session.close()

    play(test)


def test_exec_with_a_terminal_has_its_size_and_is_told_of_others(play):
    async def test(world):
        program = ("tty; read x; until stty size | grep '30 100'; do sleep 0.05; done; trap 'stty size; exit 3' WINCH; echo got $x;"
                   "while :; do sleep 0.05; done")
        session = await world.engine.exec(await sleeping(world), ["sh", "-c", program], tty=True, stdin=True)
        session.resize(100, 30)
        await session.stdin.write(b"hello\n")
        out = b""
        while b"got hello" not in out:
            out += await session.stdout.read()
        session.resize(120, 40)
        out += await read_all(session.stdout)
        code = await session.wait()
        none = session.stderr
        await session.close()
        return out.decode(), code, none

    out, code, none = play(test)
    assert "/dev/pts/0" in out
    assert "30 100" in out
    assert "40 120" in out
    assert (code, none) == (3, None)


@pytest.mark.parametrize(("command", "code"), [("nosuch", 127), ("/nosuch", 127), ("/etc/passwd", 126)])
def test_a_program_that_cannot_be_run_has_a_shell_s_exit_code(play, command, code):
    async def test(world):
        with pytest.raises(StartFailed) as raised:
            await world.engine.run(await sleeping(world), [command])
        return raised.value.exit_code

    assert play(test) == code


def test_a_session_with_a_program_that_cannot_be_run_says_so(play):
    """Before it begins, or where that is learnt later, at its end."""
    async def test(world):
        id = await sleeping(world)

        async def running():
            session = await world.engine.exec(id, ["nosuch"])
            try:
                return await session.wait()
            finally:
                await session.close()

        with pytest.raises((StartFailed, InternalError), match='exec: "nosuch": executable file not found in \\$PATH'):
            await running()

    play(test)


def test_a_program_is_run_to_its_end_or_killed_when_its_time_is_over(play):
    async def test(world):
        id = await sleeping(world)
        good = await world.engine.run(id, ["sh", "-c", "echo out; echo err >&2; exit 4"])
        with pytest.raises(TimeoutError):
            await world.engine.run(id, ["sleep", "4711"], 1.0)
        _, left = await world.engine.run(id, ["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"])
        return good, left

    (code, said), left = play(test)
    assert (code, sorted(said.split())) == (4, [b"err", b"out"])
    assert b"4711" not in left


def test_there_is_no_session_with_a_container_that_ended(play):
    async def test(world):
        id = await world.start(await world.pod(), "true")
        await world.exit_of(id)
        for work in (world.engine.exec(id, ["true"]), world.engine.attach(id), world.engine.exec("never", ["true"])):
            with pytest.raises(NoSuchContainer):
                await work

    play(test)


def test_attach_shows_what_is_written_and_takes_input(play):
    async def test(world):
        id = await world.start(await world.pod(), "sh", "-c", "while read x; do echo got $x; echo err >&2; done; echo end", stdin=True,
                               stdin_once=True)
        session = await world.engine.attach(id, stdin=True)
        await session.stdin.write(b"one\ntwo\n")
        session.stdin.close()
        out, err = await asyncio.gather(read_all(session.stdout), read_all(session.stderr))
        code = await session.wait()
        await session.close()
        return out, err, code

    assert play(test) == (b"got one\ngot two\nend\n", b"err\nerr\n", 0)


def test_an_attached_terminal_is_resized(play):
    async def test(world):
        id = await world.start(await world.pod(), "sh", "-c", "read x; stty size", tty=True, stdin=True)
        session = await world.engine.attach(id, stdin=True)
        session.resize(90, 20)
        await session.stdin.write(b"\n")
        out = await read_all(session.stdout)
        await session.close()
        return out.decode()

    assert "20 90" in play(test)


def test_one_attached_that_does_not_read_holds_up_the_program_and_lets_it_go(play):
    async def test(world):
        id = await world.start(await world.pod(), "sh", "-c", "sleep 0.1; head -c 20000000 /dev/zero; echo; echo end")
        session = await world.engine.attach(id)
        await session.stdout.read()
        assert (await world.engine.list())[0].running
        await session.close()
        return (await world.exit_of(id)).code

    assert play(test) == 0


def test_all_output_is_in_the_log_when_the_exit_is_told(play):
    async def test(world):
        id = await world.start(await world.pod(), "sh", "-c", "seq 1 5000")
        await world.exit_of(id)
        return world.log(id).split()

    assert play(test) == [str(number) for number in range(1, 5001)]


def test_a_log_that_was_renamed_goes_on_in_a_new_one(play):
    async def test(world):
        id = await world.start(await world.pod(), "sh", "-c", "echo one; read x; echo two", stdin=True)
        await world.said(id, "one")
        world.log_file(id).rename(world.folder / "old")
        await world.engine.reopen_log(id)
        session = await world.engine.attach(id, stdin=True)
        await session.stdin.write(b"\n")
        await world.exit_of(id)
        await session.close()
        return world.log("old"), world.log(id)

    assert play(test) == ("one\n", "two\n")


def test_many_programs_at_once(play):
    async def test(world):
        id = await sleeping(world)

        async def one(number):
            session = await world.engine.exec(id, ["sh", "-c", f"echo {number}; exit {number}"])
            out = await read_all(session.stdout)
            code = await session.wait()
            await session.close()
            return int(out) == number == code

        return await asyncio.gather(*(one(number) for number in range(20)))

    assert all(play(test))
