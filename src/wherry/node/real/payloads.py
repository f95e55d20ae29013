"""Files of a volume, written so that a reader sees all of the old ones or all of the new: a folder with a link that is moved.

Called by `volumes` at first and when what the files come from changes. Blocking, and quick.
Source of the form: pkg/volume/util/atomic_writer.go (`..data`, a folder of the moment, links at the top).
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from wherry.rules.pods.kubelet.volumes import File

_DATA = "..data"


def write(folder: Path, files: Mapping[str, File], group: int | None = None) -> None:
    """`group`: the pod's fsGroup. Nothing happens when the files are there as they are to be."""
    old = _current(folder)
    if old is not None and _same(old, files):
        return
    new = folder / f"..{secrets.token_hex(6)}"
    for path, file in files.items():
        target = new / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
        os.chmod(target, file.mode if group is None else file.mode | (file.mode & 0o400) >> 3)
        if group is not None:
            _give(target, group)
    new.mkdir(exist_ok=True)
    os.chmod(new, 0o755)
    link = folder / "..data_tmp"
    link.unlink(missing_ok=True)
    link.symlink_to(new.name)
    os.replace(link, folder / _DATA)
    _link_top(folder, {path.partition("/")[0] for path in files})
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _current(folder: Path) -> Path | None:
    try:
        return folder / os.readlink(folder / _DATA)
    except OSError:
        return None


def _same(folder: Path, files: Mapping[str, File]) -> bool:
    there = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return there.keys() == files.keys() and all(there[name].read_bytes() == file.data for name, file in files.items())


def _link_top(folder: Path, tops: set[str]) -> None:
    """A link for each name at the top, through the one that moves; others go."""
    for top in tops:
        link = folder / top
        if not link.is_symlink():
            link.symlink_to(f"{_DATA}/{top}")
    for entry in folder.iterdir():
        if not entry.name.startswith("..") and entry.name not in tops and entry.is_symlink():
            entry.unlink()


def _give(path: Path, group: int) -> None:
    try:
        os.chown(path, -1, group)
    except OSError:
        return  # an ordinary user has no other groups to give
