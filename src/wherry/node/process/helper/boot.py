"""How the helper comes into its namespaces: keeper -> (user namespace) -> other namespaces -> process 1, which serves.

The keeper stays outside the process namespace. It has one duty: when process 1 has ended, for whatever reason, remove what no namespace
takes along (control groups, the folder of the scratch space, files in the machine's memory). Invariant: process 1 ends when the socket to
the main process does, or when the keeper dies. What the machine refuses is told to the main process as the step's name and the error's
number; nothing was made then.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pwd
import shutil
import signal
import socket
from typing import Any

from wherry.linux import calls, capabilities, cgroups, ids, mounts, passing
from wherry.node.process.helper.serve import Server
from wherry.node.process.helper.state import State

_NAMESPACES = calls.NEWNS | calls.NEWNET | calls.NEWUTS | calls.NEWIPC | calls.NEWPID


class Refused(Exception):
    """The kernel did not let that step happen."""

    def __init__(self, step: str, error: OSError) -> None:
        super().__init__(step)
        self.step, self.number, self.text = step, error.errno or 0, calls.words(error)


def boot(descriptor: int) -> None:
    """The settings are the first message. Never returns."""
    # until the keeper can clean up after being told to end
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    calls.die_with_parent(signal.SIGTERM)
    main = socket.socket(fileno=descriptor)
    main.setblocking(True)
    got = passing.receive(main)
    if got is None:
        os._exit(1)
    settings = got[0]
    try:
        kept = _enter_user_namespace(settings)
        if settings["cgroups"]:
            cgroups.sweep(settings["name"].partition("-")[0])
        tree = cgroups.make_tree(settings["name"]) if settings["cgroups"] else None
        _step("unshare", lambda: calls.unshare(_NAMESPACES))
    except Refused as refused:
        passing.send(main, {"refused": refused.step, "errno": refused.number, "text": refused.text})
        os._exit(1)
    first = os.fork()
    if first == 0:
        _serve(main, settings, kept, tree)
    main.close()
    _keep(first, settings, tree)


def _step(name: str, call: Any) -> None:
    try:
        call()
    except OSError as error:
        raise Refused(name, error) from error


# --- ids ---
def _enter_user_namespace(settings: dict[str, Any]) -> str:
    """Which ids exist from here on: "exact" (the machine's own, no namespace), "range" or "single". Raises Refused."""
    if capabilities.has_effective(capabilities.SYS_ADMIN) and settings["ids"] in ("", "exact"):
        return "exact"
    uid, gid = os.getuid(), os.getgid()
    sub = ids.sub_ids(uid, _user_name(uid)) if settings["ids"] in ("", "range") else None
    if sub is None:
        _step("user namespace", lambda: calls.unshare(calls.NEWUSER))
        _step("id map", lambda: ids.map_single(0, uid, 0, gid))
    else:
        _map_range(sub, uid, gid)
    _step("id 0", ids.become_root)
    return "single" if sub is None else "range"


def _map_range(sub: ids.SubIds, uid: int, gid: int) -> None:
    """By a child that stays in the namespace above, where the map's programs have to run."""
    ready, begin = os.pipe()
    owner = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(begin)
        os.read(ready, 1)
        status = 0
        for tool, own, part in ((sub.newuidmap, uid, sub.users), (sub.newgidmap, gid, sub.groups)):
            status = status or os.waitstatus_to_exitcode(os.system(" ".join(ids.map_command(tool, owner, own, part))))
        os._exit(1 if status else 0)
    os.close(ready)
    try:
        _step("user namespace", lambda: calls.unshare(calls.NEWUSER))
    finally:
        os.close(begin)
        _, status = os.waitpid(child, 0)
    if status:
        raise Refused("newuidmap", OSError(1, "newuidmap or newgidmap failed; its words are above"))


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


# --- process 1 ---
def _serve(main: socket.socket, settings: dict[str, Any], kept: str, tree: cgroups.Tree | None) -> None:
    try:
        calls.die_with_parent(signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        _step("make mounts private", mounts.make_private)
        _step("mount proc", lambda: mounts.proc("/proc"))
        _step("mount tmpfs", lambda: mounts.tmpfs(settings["scratch"], mode=0o711, size=64 << 20))
        state = State(main, settings, kept, tree)
        passing.send(main, {"ready": True, "ids": kept, "controllers": sorted(tree.hierarchies) if tree else []})
    except Refused as refused:
        passing.send(main, {"refused": refused.step, "errno": refused.number, "text": refused.text})
        os._exit(1)
    except BaseException as error:
        passing.send(main, {"refused": "start", "errno": 0, "text": f"{type(error).__name__}: {error}"})
        os._exit(1)
    # what is there now stays: a child does not look through it, which would copy its pages
    gc.collect()
    gc.freeze()
    try:
        Server(state).run()
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


# --- keeper ---
def _keep(first: int, settings: dict[str, Any], tree: cgroups.Tree | None) -> None:
    """Wait for the end of process 1 (by SIGTERM, at once) and clean up."""
    def end(*_: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # it just ended
            os.kill(first, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    if os.getppid() != settings["parent"]:
        end()  # the main process ended before this one asked to be told
    _, status = os.waitpid(first, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # it was not mounted yet
        mounts.detach(settings["scratch"])
    with contextlib.suppress(OSError):  # the main process did it
        os.rmdir(settings["scratch"])
    if tree is not None:
        cgroups.remove_tree(tree.folders)
    if settings["left"]:
        shutil.rmtree(settings["left"], ignore_errors=True)
    os._exit(abs(os.waitstatus_to_exitcode(status)) & 255)
