"""One process per data directory, and one user: a lock on the file `lock` in it, which holds the pid of its holder.

What is in a data directory (Secrets, keys) is its owner's: its files are his alone, and a directory in which everybody may replace them is
refused.

The kernel gives the lock up when the process ends, however it ends, so a crash leaves nothing to clean.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from wherry.store.protocol import StoreError


class DirectoryLock:
    """Held from construction (which makes the directory) to `release`.

    Raises StoreError naming the holder when the directory is in use, and for one that everybody may write to.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = stat.S_IMODE(directory.stat().st_mode)
        if mode & stat.S_IWOTH:
            raise StoreError(f"{directory} may be written to by everybody (mode {mode:04o}), and it holds Secrets: chmod 700 {directory}")
        self._file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode(errors="replace").strip()
            os.close(self._file)
            raise StoreError(f"{directory} is in use by process {holder or 'unknown'}") from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)
