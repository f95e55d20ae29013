"""A containerd for tests marked `containerd`: Debian's, with a folder, a socket and a network namespace of its own, and images of this
machine's programs. Nothing of it is left afterwards, and that is checked: no shim, mount, control group or network."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

NEEDED = {"containerd": "containerd", "runc": "runc", "ctr": "containerd", "unshare": "util-linux", "ip": "iproute2"}
PLUGINS = Path("/usr/lib/cni")
_CONFIG = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"{disabled}]
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{folder}/cni"
"""


def missing() -> str:
    """What has to be installed, "" when all is there."""
    if os.geteuid():
        return "containerd runs containers for root alone"
    gone = sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})
    gone += [] if (PLUGINS / "ptp").exists() else ["containernetworking-plugins"]
    return f"install {' '.join(gone)}" if gone else ""


class Containerd:
    """Started by `start`; `kill` and `start` again are a crash. `disabled`: a plug-in to be left out."""

    def __init__(self, folder: Path, *, disabled: str = "") -> None:
        self.folder = folder
        self.socket = folder / "containerd.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = False
        folder.mkdir(parents=True, exist_ok=True)
        more = f', "{disabled}"' if disabled else ""
        (folder / "config.toml").write_text(_CONFIG.format(folder=folder, plugins=PLUGINS, disabled=more))
        # a process that does nothing keeps the network namespace over restarts
        self._keeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._until(lambda: os.stat(f"/proc/{self._keeper.pid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino)
        self.inside("ip", "link", "set", "lo", "up")

    def inside(self, *command: str) -> str:
        """Run a program in its network namespace."""
        entered = ["nsenter", f"--net=/proc/{self._keeper.pid}/ns/net", *command]
        done = subprocess.run(entered, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["nsenter", f"--net=/proc/{self._keeper.pid}/ns/net", "containerd", "--config", str(self.folder / "config.toml")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        self._until(lambda: self.ctr("version").returncode == 0)

    def kill(self) -> None:
        assert self._process is not None
        self._killed = True
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """It hangs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def ctr(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["ctr", "--address", str(self.socket), "--namespace", "k8s.io", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def load(self, archive: Path) -> None:
        done = self.ctr("images", "import", str(archive))
        assert done.returncode == 0, done.stderr

    def stop(self) -> None:
        """Ends it and what it left. Raises AssertionError when wherry left something running.

        One that was killed may have lost shims and mounts itself: then these do not count.
        """
        assert self._process is not None
        self.resume()
        if self._process.poll() is not None:
            self.start()
        left = self.ctr("tasks", "list", "--quiet").stdout.split()
        for task in left:
            self.ctr("tasks", "kill", "--signal", "SIGKILL", task)
        with contextlib.suppress(AssertionError):
            self._until(lambda: not self.shims(), 5 if left else 2)
        self._process.terminate()
        self._process.wait(20)
        shims = self.shims()
        for pid in shims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in self._begun() if self._killed else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        mounts = self._unmount()
        self._keeper.kill()
        self._keeper.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not left, f"containers were left: {left}"
        assert self._killed or not shims, f"shims were left: {shims}"
        assert self._killed or not mounts, f"mounts were left: {mounts}"

    def shims(self) -> list[int]:
        """Processes that keep its containers."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes() if entry.name.isdecimal() else b""
                if b"containerd-shim" in line and os.fsencode(self.socket) in line:
                    found.append(int(entry.name))
        return found

    def _begun(self) -> list[int]:
        """Containers that were being made when it was killed: they wait for a word to begin that never comes."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                waits = entry.name.isdecimal() and (entry / "cmdline").read_bytes() == b"runc\0init\0"
                if waits and f"{self.folder}/" in (entry / "mountinfo").read_text():
                    found.append(int(entry.name))
        return found

    def _unmount(self) -> list[str]:
        """Those that are not containerd's own; all of them are taken away."""
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        there = [line.split()[4] for line in lines if line.split()[4].startswith(f"{self.folder}/")]
        for point in reversed(there):
            subprocess.run(["umount", "--lazy", point], check=False)
        return there

    def _until(self, reached, seconds: float = 20.0) -> None:
        until = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < until, (self.folder / "log").read_text()[-2000:] if (self.folder / "log").exists() else "nothing"
            time.sleep(0.02)
