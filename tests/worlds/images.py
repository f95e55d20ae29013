"""Images for container runtimes under test, made of this machine's programs: busybox:1, with a Python, and a pause."""

from __future__ import annotations

from pathlib import Path

from tests.node.images.make import PROGRAMS, Made, entry, layer, link, programs
from tests.node.images.make import folder as folder_entry
from tests.worlds.containerd import Containerd

_MORE = ("cp", "mv", "date", "cut", "tail", "grep", "sed", "ps", "mount", "df", "readlink", "sync", "test", "nproc", "tr", "python3")
_LIBRARY = Path("/usr/lib/python3.11")
_LEFT_OUT = ("__pycache__", "config-", "ensurepip", "lib2to3", "distutils", "test", "idlelib", "tkinter", "dist-packages", "lib-dynload")


def give(runtime: Containerd, folder: Path) -> None:
    places = layer(folder_entry("var"), folder_entry("run"), link("var/run", "/run"))
    images = {
        "docker.io/library/pause:1": Made([programs(("sleep",))], {"Entrypoint": ["/bin/sleep", "infinity"]}),
        "docker.io/library/busybox:1": Made([programs((*PROGRAMS, *_MORE)), _python(), places],
                                            {"Cmd": ["sh"], "Env": ["PATH=/bin", "PYTHONHOME=/usr"]}),
    }
    for name, image in images.items():
        runtime.load(image.docker_archive(folder / "image.tar", name))


def _python() -> bytes:
    """The system's own interpreter and the part of its library that servers need."""
    files = [path for path in _LIBRARY.rglob("*.py") if not any(part.startswith(_LEFT_OUT) for part in path.relative_to(_LIBRARY).parts)]
    return layer(*(entry(str(path).lstrip("/"), path.read_bytes()) for path in files))
