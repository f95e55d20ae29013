"""Containers of any engine: programs with their own names, files, users and rights, and how they end."""

import signal
import time

import pytest

from wherry.node.engine import Limits, Mount, NoSuchContainer, Security, StartFailed


def sh(text):
    return ("sh", "-c", text)


def test_a_program_runs_with_its_host_name_environment_and_folder(play):
    async def test(world):
        pod = await world.pod(hostname="web-0")
        command = sh("hostname; echo $A; pwd; cat /etc/hostname; echo $$")
        return await world.run(*command, env=(("A", "b c"),), working_dir="/made/here", pod=pod)

    assert play(test) == (0, "web-0\nb c\n/made/here\nweb-0\n1\n")


@pytest.mark.parametrize(("command", "code", "number"), [("exit 7", 7, 0), ("kill -9 $$ & kill -KILL 1; wait; exit 3", 3, 0),
                                                         ("exec 2>/dev/null; sh -c 'kill -TERM $$'; exit $?", 143, 0)])
def test_the_exit_code_is_the_program_s(play, command, code, number):
    async def test(world):
        ended = await world.exit_of(await world.start(await world.pod(), *sh(command)))
        return ended.code, ended.signal

    assert play(test) == (code, number)


def test_it_is_killed_when_its_grace_is_over(play):
    async def test(world):
        id = await world.start(await world.pod(), *sh("trap '' TERM; echo ready; while :; do sleep 0.05; done"))
        await world.said(id, "ready")
        began = time.monotonic()
        await world.engine.stop(id, 0.3)
        return time.monotonic() - began, await world.exit_of(id)

    took, ended = play(test)
    assert 0.3 <= took < 5
    assert ended.code == 137
    assert ended.signal in (signal.SIGKILL, 0), "a container runtime does not tell signals"


def test_the_stop_signal_is_sent_first(play):
    async def test(world):
        command = sh("trap 'exit 9' USR1; echo ready; while :; do sleep 0.05; done")
        id = await world.start(await world.pod(), *command, stop_signal="SIGUSR1")
        await world.said(id, "ready")
        await world.engine.stop(id, 20)
        return (await world.exit_of(id)).code

    assert play(test) == 9


def test_a_program_that_is_not_there_is_told_in_the_runtime_s_words(play):
    async def test(world):
        pod, told = await world.pod(), []
        for command in (("nosuch",), ("/bin/nosuch",), ("/etc/passwd",)):
            with pytest.raises(StartFailed) as raised:
                await world.start(pod, *command)
            told.append((raised.value.reason, raised.value.text, raised.value.exit_code))
        return told

    words = ['exec: "nosuch": executable file not found in $PATH', 'exec: "/bin/nosuch": stat /bin/nosuch: no such file or directory',
             'exec: "/etc/passwd": permission denied']
    for (reason, text, code), said in zip(play(test), words, strict=True):
        assert (reason, code) == ("StartError", 128)
        assert said in text


def test_what_it_writes_is_its_own_and_goes_with_it(play):
    async def test(world):
        pod = await world.pod()
        first = await world.run(*sh("echo x > /usr/mine && echo y > /etc/mine && cat /usr/mine"), pod=pod)
        second = await world.run(*sh("ls /usr/mine /etc/mine 2>/dev/null || echo gone"), pod=pod)
        return first, second

    first, second = play(test)
    assert first == (0, "x\n")
    assert second == (0, "gone\n")


def test_a_volume_is_shared_by_the_pod_s_containers_and_the_host(play):
    async def test(world):
        folder = world.folder / "volume"
        folder.mkdir()
        pod, mounts = await world.pod(), (Mount(str(folder), "/v"),)
        await world.run(*sh("echo from a > /v/a"), pod=pod, mounts=mounts)
        there = (folder / "a").read_text()
        return there, await world.run("cat", "/v/a", pod=pod, mounts=mounts)

    assert play(test) == ("from a\n", (0, "from a\n"))


def test_a_mount_of_nothing_is_refused(play):
    async def test(world):
        with pytest.raises(StartFailed, match="No such file or directory") as raised:
            await world.run("true", mounts=(Mount("/nowhere/to/be/found", "/x"),))
        return raised.value.reason

    assert play(test) == "CreateContainerError"


def test_a_link_on_the_host_s_side_of_a_target_leads_nowhere_else(play):
    """/var/run is a link to /run: the mount must appear in the container's own."""
    async def test(world):
        folder = world.folder / "volume"
        folder.mkdir()
        (folder / "token").write_text("t\n")
        return await world.run("cat", "/run/secrets/token", mounts=(Mount(str(folder), "/var/run/secrets", True),))

    assert play(test) == (0, "t\n")


def test_it_has_its_own_devices_and_a_proc_of_its_own_processes(play):
    async def test(world):
        return await world.run(*sh("ls /dev | tr '\\n' ' '; echo; ls -d /proc/[0-9]* | wc -l; cat /dev/null; : > /dev/shm/x && echo shm"))

    code, text = play(test)
    assert code == 0
    assert "null" in text.splitlines()[0].split()
    assert "sda" not in text
    assert int(text.splitlines()[1]) < 5
    assert text.endswith("shm\n")


def test_what_of_proc_would_change_the_machine_is_read_only(play):
    async def test(world):
        return await world.run(*sh("echo x > /proc/sys/kernel/core_pattern; cat /proc/keys | wc -c; echo x > /proc/bus/x"))

    _, text = play(test)
    assert "core_pattern: Read-only file system" in text
    assert "0" in text.splitlines()


def test_a_user_and_group_by_number(play):
    async def test(world):
        return await world.run(*sh("id -u; id -g; grep CapEff /proc/self/status; touch /usr/x 2>/dev/null || echo no"),
                               security=Security(uid=1234, gid=2345))

    code, text = play(test)
    assert (code, text.splitlines()[:3]) == (0, ["1234", "2345", "CapEff:\t0000000000000000"])


def test_capabilities_are_added_and_dropped(play):
    async def test(world):
        pod = await world.pod()
        plain = await world.run("grep", "CapEff", "/proc/self/status", pod=pod)
        changed = await world.run("grep", "CapEff", "/proc/self/status", pod=pod, security=Security(add=("NET_ADMIN",), drop=("ALL",)))
        return plain[1].split()[1], changed[1].split()[1]

    assert play(test) == ("00000000a80425fb", "0000000000001000")


def test_no_new_privileges_and_the_filter_of_system_calls(play):
    async def test(world):
        return await world.run(*sh("grep -E 'NoNewPrivs|Seccomp:' /proc/self/status; unshare -U true 2>/dev/null || echo denied"),
                               security=Security(no_new_privileges=True, seccomp="RuntimeDefault"))

    assert play(test) == (0, "NoNewPrivs:\t1\nSeccomp:\t2\ndenied\n")


def test_a_filtered_program_can_still_do_what_programs_do(play):
    async def test(world):
        return await world.run(*sh("(echo sub) | cat; ls / > /dev/null && echo good"), security=Security(seccomp="RuntimeDefault"))

    assert play(test) == (0, "sub\ngood\n")


def test_containers_of_a_pod_share_its_network_and_names(play):
    async def test(world):
        pod = await world.pod(hostname="both")
        one = await world.run(*sh("hostname; readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts"), pod=pod)
        two = await world.run(*sh("hostname; readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts"), pod=pod)
        return one, two

    one, two = play(test)
    assert one == two


def test_containers_of_a_pod_can_share_their_processes(play):
    async def test(world):
        pod = await world.pod(share_processes=True)
        id = await world.start(pod, "sleep", "4711")
        seen = await world.run(*sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; cat /proc/1/comm"), pod=pod)
        await world.engine.stop(id, 0)
        return seen[1], (await world.exit_of(id)).code

    text, code = play(test)
    assert "sleep 4711" in text
    assert text.splitlines()[-1].endswith(("pause", "sleep"))
    # not process 1 there, so TERM ends it; a container runtime that is given no time kills
    assert code in (143, 137)


def test_with_shared_processes_a_container_takes_what_it_left_along(play):
    async def test(world):
        pod = await world.pod(share_processes=True)
        await world.run(*sh("sleep 4711 & exit 0"), pod=pod)
        return await world.run(*sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '"), pod=pod)

    assert "4711" not in play(test)[1].replace("tr", "")


def test_memory_over_its_limit_is_oomkilled(play):
    async def test(world):
        program = "x = b'x' * (300 << 20); import time; time.sleep(100)"
        id = await world.start(await world.pod(), "python3", "-c", program, limits=Limits(memory=50 << 20))
        ended = await world.exit_of(id)
        return ended.code, ended.reason

    code, reason = play(test)
    assert (code, reason) == (137, "OOMKilled")


def test_a_container_finds_its_own_limits(play):
    """At /sys/fs/cgroup, where runtimes of languages look; other groups are not to be seen, and nothing can be changed."""
    async def test(world):
        look = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max 2>/dev/null; " \
               "echo 1 2>/dev/null >memory/memory.limit_in_bytes || echo kept"
        limited = await world.run(*sh(look), limits=Limits(memory=64 << 20))
        return limited, await world.run(*sh("for file in /sys/fs/cgroup/memory/*/cgroup.procs; do test -e $file && echo $file; done; true"))

    (_, text), (_, others) = play(test)
    # where no group may be made there is no limit to be found
    assert text.split() in ([str(64 << 20), "kept"], ["kept"])
    assert others == ""


def test_usage_of_what_runs(play):
    async def test(world):
        id = await world.start(await world.pod(), *sh("echo ready; while :; do :; done"))
        await world.said(id, "ready")
        first = (await world.engine.stats())[id]
        used = first
        while used.cpu <= first.cpu:
            used = (await world.engine.stats())[id]
        return used

    usage = play(test)
    assert usage.processes in (1, 0), "a container runtime does not count them"
    assert usage.memory > 100_000


def test_a_removed_pod_ends_its_containers_each_with_an_exit(play):
    async def test(world):
        pod = await world.pod()
        ids = {await world.start(pod, "sleep", "100") for _ in range(3)}
        await world.engine.remove_pod(pod.id)
        ended = set()
        async for exit in world.engine.exits():
            ended.add(exit.id)
            if ended == ids:
                break
        return await world.engine.list(), await world.engine.stats()

    assert play(test) == ([], {})


def test_a_container_that_ended_can_be_listed_until_removed(play):
    async def test(world):
        id = await world.start(await world.pod(), "true")
        await world.exit_of(id)
        before = [(known.id, known.running) for known in await world.engine.list()]
        await world.engine.remove(id)
        with pytest.raises(NoSuchContainer):
            await world.engine.exec(id, ["true"])
        return before == [(id, False)], await world.engine.list()

    assert play(test) == (True, [])


def test_safe_sysctls_are_set_for_the_pod_alone(play):
    async def test(world):
        path = "/proc/sys/net/ipv4/tcp_syncookies"
        changed = await world.run("cat", path, pod=await world.pod(sysctls=(("net.ipv4.tcp_syncookies", "0"),)))
        return changed[1], (await world.run("cat", path))[1]

    assert play(test) == ("0\n", "1\n")


def test_a_sysctl_that_is_none_fails_the_pod(play):
    async def test(world):
        with pytest.raises(StartFailed, match="nope") as raised:
            await world.pod(sysctls=(("net.nope", "0"),))
        return raised.value.reason

    assert play(test) == "CreatePodSandboxError"


def test_an_image_that_is_not_there_is_refused(play):
    async def test(world):
        with pytest.raises(StartFailed, match='image "nginx:1": not found') as raised:
            await world.start(await world.pod(), "true", image="nginx:1")
        return raised.value.reason

    assert play(test) == "CreateContainerError"
