"""Archives of images into a container runtime: the interface has no call for it, so containerd's own program `ctr` is run.

Called by `wherry image load`. CRI-O shares its store with podman and skopeo, which load archives there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from wherry.node.cri import endpoint
from wherry.node.engine import Unavailable

#: containerd's name for what its CRI plug-in has
_SPACE = "k8s.io"
_LOADED = re.compile(r"^unpacking (\S+) \(sha256:[0-9a-f]+\)", re.MULTILINE)


def load(given: str, archive: Path) -> list[str]:
    """The names of what was in it; blocks. `given`: the runtime's socket, "" for the usual one. Raises Unavailable."""
    socket = endpoint.find(given)
    program = shutil.which("ctr", path="/usr/bin:/usr/local/bin:/bin:/usr/sbin")
    if program is None or "crio" in socket:
        remedy = "for CRI-O: skopeo copy docker-archive:FILE containers-storage:NAME"
        raise Unavailable("only containerd takes archives, by its program ctr", remedy)
    command = [program, "--address", socket, "--namespace", _SPACE, "images", "import", str(archive)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{archive}: {done.stderr.strip().removeprefix('ctr: ')}")
    return _LOADED.findall(done.stdout)
