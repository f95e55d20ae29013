"""What is left of an engine when it was closed, when its process was killed, and when its helper was: nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from wherry.node.engine import ContainerBox, PodBox, Unavailable
from wherry.node.images.images import Images
from wherry.node.images.store import ImageStore
from wherry.node.process.client import Settings
from wherry.node.process.engine import ProcessEngine

pytestmark = pytest.mark.real_nodes


def standing():
    """What could be left behind: processes of helpers, descriptors, threads, folders, control groups, mounts."""
    mounts = Path("/proc/self/mountinfo").read_text().count("\n")
    return helpers(), len(os.listdir("/proc/self/fd")), threading.active_count(), folders(os.getpid()), mounts


def folders(pid):
    """Of scratch space and control groups that a process of that number made."""
    made = [*Path(tempfile.gettempdir()).glob(f"wherry-{pid}-*"), *Path("/sys/fs/cgroup").glob(f"*/wherry-{pid}-*")]
    return sorted(str(path) for path in made)


#: this test's programs are told by how long they sleep
LONG = str(40_000_000 + os.getpid())


def helpers():
    """Helpers of engines made here, or by processes started here, and their programs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            except OSError:
                continue
            ours = f"NOTHING_LEFT={LONG}".encode() in environment.split(b"\0") and b"helper/__main__.py" in command
            if ours or LONG.encode() in command.split(b"\0"):
                found.append(int(entry.name))
    return found


@pytest.fixture(autouse=True)
def mark(monkeypatch):
    monkeypatch.setenv("NOTHING_LEFT", LONG)


async def busy(folder, settings):
    engine = ProcessEngine(Images(ImageStore(folder)), settings)
    await engine.begin()
    pod = await engine.run_pod(PodBox(id="p", namespace="n", name="p", node="n", hostname="p", addresses=("10.244.0.9",)))
    await engine.start(pod, ContainerBox(id="c", name="c", image="host", command=("sleep", os.environ["NOTHING_LEFT"])))
    return engine


@pytest.mark.timeout(300)
def test_200_engines_in_one_process_leave_nothing(tmp_path, settings):
    async def one():
        engine = await busy(tmp_path, settings)
        await engine.close()

    async def test():
        await one()
        before = standing()
        for _ in range(200 if settings.cgroups else 50):
            await one()
        return before, standing()

    before, after = asyncio.run(test())
    assert before == after
    assert before[0] == []


def test_closing_twice_is_closing_once(tmp_path, settings):
    async def test():
        engine = await busy(tmp_path, settings)
        await engine.close()
        await engine.close()
        with pytest.raises(Unavailable):
            await engine.stats()
        return [exit.code async for exit in engine.exits()]

    assert asyncio.run(test()) == [137]


PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.node.process.test_nothing_left import busy
from wherry.node.process.client import Settings
async def main():
    engine = await busy(Path(sys.argv[1]), Settings(**eval(sys.argv[2])))
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def gone(pid):
    """Until the machine is as before: the kernel ends what the killed process held."""
    until = time.monotonic() + 20
    while helpers() or folders(pid):
        assert time.monotonic() < until, standing()
        time.sleep(0.01)


@pytest.mark.parametrize("_", range(5))
def test_a_killed_process_leaves_nothing(tmp_path, settings, _):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(settings._asdict())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert helpers()
        process.kill()
    gone(process.pid)


def test_a_killed_helper_ends_its_containers_each_with_an_exit(tmp_path, settings):
    async def test():
        engine = await busy(tmp_path, settings)
        os.kill(engine.pid, signal.SIGTERM)
        ended = await anext(engine.exits())
        with pytest.raises(Unavailable):
            await engine.run_pod(PodBox(id="q", namespace="n", name="q", node="n", hostname="q", addresses=("10.244.0.10",)))
        await engine.close()
        return ended.code

    assert asyncio.run(test()) == 137
    gone(os.getpid())


def run(command):
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False)


def test_an_engine_that_is_refused_says_so_and_leaves_nothing(tmp_path):
    """A user namespace in which no further one may be made."""
    program = PROGRAM.replace("asyncio.run(main())", """
from wherry.linux import calls, ids
from wherry.node.engine import Unavailable
import os
uid, gid = os.getuid(), os.getgid()
calls.unshare(calls.NEWUSER)
ids.map_single(0, uid, 0, gid)
ids.write("/proc/sys/user/max_user_namespaces", "0")
try:
    asyncio.run(main())
except Unavailable as refused:
    print(refused)
""")
    command = [sys.executable, "-c", program, str(tmp_path), str(Settings(ids="single")._asdict())]
    done = run(command)
    assert "user.max_user_namespaces is 0" in done.stdout, done.stderr
    assert "sudo sysctl -w user.max_user_namespaces" in done.stdout
    assert helpers() == []


def test_a_seccomp_filter_is_named_as_what_refuses(tmp_path):
    program = PROGRAM.replace("asyncio.run(main())", """
from wherry.linux import seccomp
from wherry.node.engine import Unavailable
seccomp.load_denying(seccomp.library(), ["unshare"], namespaces=True)
try:
    asyncio.run(main())
except Unavailable as refused:
    print(refused)
""")
    command = [sys.executable, "-c", program, str(tmp_path), str(Settings(ids="single")._asdict())]
    if os.getuid():
        program = program.replace("seccomp.load_denying", "from wherry.linux import calls; calls.no_new_privileges(); seccomp.load_denying")
        command[2] = program
    done = run(command)
    assert "a seccomp filter forbids namespaces" in done.stdout, done.stderr
    assert "seccomp=unconfined" in done.stdout
    assert helpers() == []
