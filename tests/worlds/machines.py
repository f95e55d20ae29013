"""Machines as network namespaces of the test's own on one bridge, each with a wherry of its own: a server, and nodes that join it.

Namespaces are held by processes that end with the test. Needs root. A link may be cut: taken down, or its packets dropped by nftables.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import yaml

_TOKEN = "abcdef.0123456789abcdef"
_BOOT = f"""
apiVersion: v1
kind: Secret
type: bootstrap.kubernetes.io/token
metadata: {{name: bootstrap-token-abcdef, namespace: kube-system}}
stringData: {{token-id: abcdef, token-secret: {_TOKEN[7:]}, usage-bootstrap-authentication: "true", usage-bootstrap-signing: "true"}}
"""
_ROLES = {"join": "system:node-bootstrapper", "approve": "system:certificates.k8s.io:certificatesigningrequests:nodeclient"}


class Machine:
    """`address`: its own on the link `eth0`."""

    def __init__(self, holder: int, address: str, folder: Path) -> None:
        self.holder, self.address, self.folder = holder, address, folder
        self.wherry: subprocess.Popen[bytes] | None = None

    def run(self, *command: str, input: str | None = None, check: bool = True) -> str:
        """In its namespace; what it printed."""
        done = subprocess.run(self._there(command), capture_output=True, text=True, check=False, timeout=60, input=input)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def _there(self, command: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net=/proc/{self.holder}/ns/net", *command]

    def popen(self, *command: str, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._there(command), **options)

    def begin(self, *words: str) -> None:
        """wherry with these words, until it says that it is there."""
        before = self.log.read_text().count(_THERE[words[0]])
        with self.log.open("ab") as log:
            self.wherry = self.popen(sys.executable, "-m", "wherry", *words, stdout=log, stderr=log, cwd=self.folder)
        eventually(lambda: self.log.read_text().count(_THERE[words[0]]) > before or self._ended())

    def _ended(self) -> bool:
        assert self.wherry is not None
        assert self.wherry.poll() is None, self.log.read_text()
        return False

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.wherry is not None:
            self.wherry.send_signal(number)
            self.wherry.wait(20)
            self.wherry = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def routes(self) -> dict[str, str]:
        """Of wherry's: network to next hop, or to the link that it ends at."""
        rows = [line.split() for line in self.run("ip", "route", "show", "proto", "119").splitlines()]
        return {row[0]: row[row.index("via" if "via" in row else "dev") + 1] for row in rows}

    @contextmanager
    def down(self) -> Iterator[None]:
        """Its link is."""
        self.run("ip", "link", "set", "eth0", "down")
        try:
            yield
        finally:
            self.run("ip", "link", "set", "eth0", "up")

    @contextmanager
    def dropping(self) -> Iterator[None]:
        """Whatever others send to it is lost."""
        self.run("nft", "table ip cut { chain cutting { type filter hook prerouting priority -300; iifname eth0 drop; }; }")
        try:
            yield
        finally:
            self.run("nft", "delete table ip cut")


_THERE = {"up": "wherry is up at", "node": " runs, its API at"}


class World:
    """`server` has the API, and node-0 where it runs one; `far-N` are nodes that joined."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._hub = self._holder()
        self.machines: list[Machine] = []
        self.tunnelled = False
        self._inside(self._hub, "ip link add br0 type bridge", "ip link set br0 up", "sysctl -qw net.ipv4.ip_forward=1")

    def _holder(self) -> int:
        held: subprocess.Popen[bytes] = subprocess.Popen(
            ["unshare", "--net", sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        self._stack.callback(held.wait)
        self._stack.enter_context(_closing(held.stdin))
        self._stack.enter_context(_closing(held.stdout))
        assert held.stdout is not None
        held.stdout.readline()
        return held.pid

    def _inside(self, holder: int, *commands: str) -> None:
        for each in commands:
            subprocess.run(["nsenter", f"--net=/proc/{holder}/ns/net", *each.split()], check=True, timeout=20)

    def machine(self, address: str, *, bridged: bool = True) -> Machine:
        """`bridged` False: on a link of its own to a router between it and the others."""
        at, folder = len(self.machines), self._folder / f"machine-{len(self.machines)}"
        folder.mkdir()
        (folder / "log").touch()
        made = Machine(self._holder(), address, folder)
        self._inside(self._hub, f"ip link add v{at} type veth peer name eth0 netns {made.holder}", f"ip link set v{at} up")
        router = f"{address.rpartition('.')[0]}.254"
        self._inside(self._hub, f"ip link set v{at} master br0" if bridged else f"ip addr add {router}/24 dev v{at}")
        self._inside(made.holder, f"ip addr add {address}/24 dev eth0", "ip link set eth0 up", "ip link set lo up",
                     f"ip route add default via {router} onlink dev eth0")
        if bridged:
            self._inside(self._hub, f"ip addr replace {router}/24 dev br0")
        self._stack.callback(made.end, signal.SIGKILL)
        self.machines.append(made)
        return made

    def serve(self, machine: Machine, *words: str, lasting: bool = False) -> None:
        """`lasting`: its objects are there again at its next start (`up`)."""
        self.server = machine
        self.up(machine, *(() if lasting else ("--ephemeral",)), *words)
        config = yaml.safe_load((machine.folder / "data/kubeconfig").read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://{machine.address}:6443"
        config["users"][0]["user"] = {"token": _TOKEN}
        (self._folder / "bootstrap").write_text(yaml.safe_dump(config))
        self.apply(_BOOT)
        for name, role in _ROLES.items():
            self.kubectl("create", "clusterrolebinding", name, f"--clusterrole={role}", "--group=system:bootstrappers")

    def up(self, machine: Machine, *words: str) -> None:
        """A server there."""
        usual = ["--image-table", "*=host", "--bind-address", "0.0.0.0", "--advertise-address", machine.address]
        machine.begin("up", *usual, "--data-dir", str(machine.folder / "data"), *words)

    def etcd(self, machine: Machine) -> str:
        """Its address."""
        url, peer = f"http://{machine.address}:2379", f"http://{machine.address}:2380"
        with machine.log.open("ab") as log:
            process = machine.popen(
                "etcd", "--data-dir", str(machine.folder / "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
                "--unsafe-no-fsync", stdout=log, stderr=log)  # fmt: skip
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return url

    def join(self, machine: Machine, *words: str) -> str:
        """The node's name."""
        name = f"far-{self.machines.index(machine)}"
        machine.begin("node", "--runtime", "process", "--kubeconfig", str(machine.folder / "own"), "--bootstrap-kubeconfig",
                      str(self._folder / "bootstrap"), "--hostname-override", name, "--node-ip", machine.address, "--root-dir",
                      str(machine.folder / "node"), "--image-table", "*=host", *words)
        return name

    def kubectl(self, *words: str, input: str | None = None, check: bool = True) -> str:
        return self.server.run(*self.command(*words), input=input, check=check)

    def command(self, *words: str) -> list[str]:
        return ["kubectl", "--kubeconfig", str(self.server.folder / "data/kubeconfig"), *words]

    def apply(self, *manifests: Any) -> None:
        texts = [each if isinstance(each, str) else yaml.safe_dump(each) for each in manifests]
        self.kubectl("apply", "-f", "-", input="\n---\n".join(texts))

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def ask(self, pod: str, place: str, seconds: float = 3, times: int = 1) -> str:
        """What the place answers to a pod (HTTP), or the error's words."""
        program = f"""
import urllib.request
for _ in range({times}):
    try:
        print(urllib.request.urlopen("http://{place}", timeout={seconds}).read().decode(), end="")
    except OSError as error:
        print("failed:", error)
"""
        return self.kubectl("exec", pod, "--", "python3", "-c", program).strip()


@contextmanager
def world(folder: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(stack, folder)


@contextmanager
def _closing(pipe: IO[bytes] | None) -> Iterator[None]:
    assert pipe is not None
    with pipe:
        yield


def eventually(ask: Callable[[], Any], seconds: float = 30) -> Any:
    """What it gives once that is something."""
    end = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < end, "it never happens"
        time.sleep(0.05)
    return found
