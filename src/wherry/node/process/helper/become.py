"""The last steps of a child: streams, user, what it may do, and the program in its place.

Runs in the container's namespaces. Source: the OCI runtime specification, config (process); pkg/kubelet/kuberuntime/security_context.go for
the user; texts about programs that are not there are runc's.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from typing import Any, NamedTuple

from wherry.linux import calls, capabilities, ids, passing, ptys, seccomp
from wherry.node.process.helper.close import close_all_but

_NOT_SET = -1


class Failed(Exception):
    """The program cannot be started. `code`: the exit code that stands for it."""

    def __init__(self, reason: str, text: str, code: int) -> None:
        super().__init__(text)
        self.reason, self.text, self.code = reason, text, code


class User(NamedTuple):
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def become(request: dict[str, Any], descriptors: list[int], kept: str, says: int, *, own_user: bool) -> None:
    """Never returns. `kept`: which ids exist (exact, range, single); `own_user`: its user namespace was made and joined before.

    `says` is the pipe that ends when the program has begun. Raises Failed, OSError.
    """
    user = find_user(request)
    os.write(says, json.dumps({"user": [user.uid, user.gid, sorted({user.gid, *user.groups})]}).encode()[:3500] + b"\n")
    _set_oom_score(request["oom_score"])
    os.setsid()
    if request["tty"]:
        descriptors = _open_terminal(descriptors)
    _set_streams(descriptors)
    close_all_but([says])
    os.chdir(request["cwd"])
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)
    environment = {**({"HOME": user.home} if user.home else {}), **dict(request["env"])}
    program = find_program(request["argv"][0], environment.get("PATH", ""))
    _set_user(request, user, kept, says, own_user=own_user)
    try:
        os.execve(program, request["argv"], environment)
    except OSError as error:
        raise Failed("StartError", f'exec {program}: {(os.strerror(error.errno or 0)).lower()}', 128) from error


def _set_oom_score(score: int) -> None:
    """As far as this user may: who is protected has rights that not everybody has."""
    if score:
        with contextlib.suppress(OSError):
            ids.write("/proc/self/oom_score_adj", str(score))


# --- the program ---
def find_program(name: str, path: str) -> str:
    """As a shell would find it. Raises Failed with the texts of runc."""
    if "/" in name:
        if not os.path.exists(name):
            raise Failed("StartError", f'exec: "{name}": stat {name}: no such file or directory', 128)
        if not _is_program(name):
            raise Failed("StartError", f'exec: "{name}": permission denied', 128)
        return name
    for folder in path.split(":"):
        if _is_program(f"{folder or '.'}/{name}"):
            return f"{folder or '.'}/{name}"
    raise Failed("StartError", f'exec: "{name}": executable file not found in $PATH', 128)


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


# --- the user ---
def find_user(request: dict[str, Any]) -> User:
    """Names are looked up in the container's own files. Raises Failed."""
    name, _, group = request["user"].partition(":")
    uid, gid, home, groups = _NOT_SET, 0, "/", set(request["groups"])
    wanted = str(request["uid"]) if request["uid"] is not None else name or "0"
    login = ""
    for fields in _lines("/etc/passwd", 7):
        if wanted == fields[0] or (wanted.isdecimal() and wanted == fields[2]):
            login, uid, gid, home = fields[0], int(fields[2]), int(fields[3]), fields[5]
            break
    if uid == _NOT_SET:
        if not wanted.isdecimal():
            raise Failed("CreateContainerError", f"unable to find user {wanted}: no matching entries in passwd file", 128)
        uid = int(wanted)
    for fields in _lines("/etc/group", 4):
        if login and login in fields[3].split(","):
            groups.add(int(fields[2]))
    if request["gid"] is not None:
        gid = request["gid"]
    elif group and request["uid"] is None:
        gid = _find_group(group)
    return User(uid, gid, tuple(sorted(groups)), home)


def _find_group(name: str) -> int:
    for fields in _lines("/etc/group", 4):
        if name == fields[0]:
            return int(fields[2])
    if name.isdecimal():
        return int(name)
    raise Failed("CreateContainerError", f"unable to find group {name}: no matching entries in group file", 128)


def _lines(path: str, fields: int) -> list[list[str]]:
    try:
        with open(path, errors="replace") as file:
            split = [line.rstrip("\n").split(":") for line in file]
    except OSError:
        return []
    return [line for line in split if len(line) >= fields and line[2].isdecimal()]


def _set_user(request: dict[str, Any], user: User, kept: str, says: int, *, own_user: bool) -> None:
    """Everything that needs a capability comes before they are given up."""
    if kept == "single" and not own_user and (user.uid or user.gid):
        calls.unshare(calls.NEWUSER)
        ids.map_single(user.uid, 0, user.gid, 0)
        os.write(says, b'{"own_user": true}\n')
    if request["seccomp"]:
        _filter(request["capabilities"])
    capabilities.keep_only(request["capabilities"])
    if kept != "single":
        try:
            os.setgroups(sorted({*user.groups, user.gid}))
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
        except OSError as error:
            text = f"user {user.uid}, group {user.gid}, groups {list(user.groups)}: not all of them exist in this user namespace"
            raise Failed("CreateContainerError", text, 128) from error
    elif extra := sorted(set(request["groups"]) - {user.gid}):
        text = f"supplemental groups {extra}: one user and one group exist here; install uidmap and give the user a range in /etc/subuid"
        raise Failed("CreateContainerError", text, 128)
    if request["no_new_privileges"]:
        calls.no_new_privileges()


def _filter(allowed: list[str]) -> None:
    try:
        # opened before the root was changed, so it is in memory already
        seccomp.load(seccomp.library(), allowed)
    except seccomp.SeccompMissing as missing:
        raise Failed("CreateContainerError", f"seccomp RuntimeDefault: {missing}", 128) from missing


# --- the streams ---
def _open_terminal(descriptors: list[int]) -> list[int]:
    """The outer end goes back over the socket that was given instead of streams."""
    outer, inner = ptys.open_pair()
    ptys.take_as_controlling(inner)
    with socket.socket(fileno=os.dup(descriptors[0])) as to:
        passing.send(to, {}, [outer])
    return [inner, inner, inner]


def _set_streams(descriptors: list[int]) -> None:
    """In two steps, as one of them may have the number of another."""
    high = [os.dup(descriptor) for descriptor in descriptors]
    for number, descriptor in enumerate(high):
        os.dup2(descriptor, number, inheritable=True)
