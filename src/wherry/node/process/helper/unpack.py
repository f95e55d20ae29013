"""Unpacking one layer of an image into an empty folder, in a child of the helper: so owners are what they are in its user namespace.

Nothing is ever written outside the folder: each name is opened as if the folder were the root. Refused by name are `..`, and device nodes;
links may point anywhere, they are not followed out. Deletions become the overlay's own marks.
Source: https://github.com/opencontainers/image-spec/blob/main/layer.md; docs.kernel.org/filesystems/overlayfs.html.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import shutil
import stat
import tarfile
import zlib
from typing import IO, cast

from wherry.linux import calls
from wherry.node.process.helper.become import Failed

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_OPAQUE_MARK = "user.overlay.opaque"
_CHUNK = 1 << 20


def run(blob: str, target: str, diff: str, kept: str) -> None:
    """`diff`: the digest that the plain archive must have; `kept`: which ids exist, with a single one everything is its. Raises Failed."""
    os.mkdir(target, 0o755)
    try:
        with open(blob, "rb") as file:
            content = Hashing(_plain(file))
            with tarfile.open(fileobj=cast(IO[bytes], content), mode="r|") as layer:
                Unpacking(target, owners=kept != "single").run(layer)
            content.check(diff)
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        shutil.rmtree(target, ignore_errors=True)
        raise Failed("unpack", calls.words(error) if isinstance(error, OSError) else str(error), 1) from error
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def discard(target: str) -> None:
    """Remove an unpacked layer, whoever of this user namespace owns its files."""
    shutil.rmtree(target)


def _plain(file: IO[bytes]) -> IO[bytes]:
    """The archive without its compression; Zstandard's was taken off before (`node.images.zstd`)."""
    head = file.read(6)
    file.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if head.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(file))
    if head.startswith(b"\xfd7zXZ"):
        return cast(IO[bytes], lzma.LZMAFile(file))
    return file


class Hashing:
    """What is read through it makes up a digest."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._digest = hashlib.sha256()

    def read(self, count: int) -> bytes:
        data = self._source.read(count)
        self._digest.update(data)
        return data

    def check(self, diff: str) -> None:
        """The rest counts too. Raises Failed when the digest is another."""
        while self.read(_CHUNK):
            pass
        found = f"sha256:{self._digest.hexdigest()}"
        if found != diff:
            raise Failed("unpack", f"wrong diff id calculated on extraction {found!r}, expected {diff!r}", 1)


class Unpacking:
    """One layer into one folder."""

    def __init__(self, target: str, *, owners: bool) -> None:
        self._root = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._owners = owners
        self._folders: list[tuple[str, tarfile.TarInfo]] = []

    def run(self, layer: tarfile.TarFile) -> None:
        os.umask(0)
        for member in layer:
            self._one(layer, member)
        # last: what is put into a folder changes its time, and a folder may forbid writing
        for path, member in reversed(self._folders):
            descriptor = self._open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._own(descriptor, member)
                os.utime(descriptor, (member.mtime, member.mtime))
            finally:
                os.close(descriptor)

    def _one(self, layer: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = _inside(member.name)
        if path == ".":
            self._folders.append((path, member))
            return
        folder, _, name = path.rpartition("/")
        parent = self._parent(folder)
        try:
            if name == _OPAQUE:
                os.setxattr(f"/proc/self/fd/{parent}", _OPAQUE_MARK, b"y")
            elif name.startswith(_WHITEOUT):
                self._clear(parent, name.removeprefix(_WHITEOUT))
                os.mknod(name.removeprefix(_WHITEOUT), stat.S_IFCHR, 0, dir_fd=parent)
            else:
                self._put(layer, member, path, parent, name)
        finally:
            os.close(parent)

    def _put(self, layer: tarfile.TarFile, member: tarfile.TarInfo, path: str, parent: int, name: str) -> None:
        if member.isdir():
            self._put_folder(member, path, parent, name)
            return
        self._clear(parent, name)
        if member.isreg():
            self._put_file(layer, member, parent, name)
        elif member.issym():
            os.symlink(member.linkname, name, dir_fd=parent)
            self._own_name(parent, name, member)
        elif member.islnk():
            self._put_hard_link(member, parent, name)
        elif member.isfifo():
            os.mkfifo(name, member.mode & 0o7777, dir_fd=parent)
            self._own_name(parent, name, member)
        else:
            kind = "device node" if member.ischr() or member.isblk() else f"entry of type {member.type!r}"
            raise Failed("unpack", f"the layer holds a {kind}: {member.name}", 1)

    def _put_folder(self, member: tarfile.TarInfo, path: str, parent: int, name: str) -> None:
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
        except FileExistsError:
            there = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if not stat.S_ISDIR(there.st_mode):
                os.unlink(name, dir_fd=parent)
                os.mkdir(name, 0o755, dir_fd=parent)
        self._folders.append((path, member))

    def _put_file(self, layer: tarfile.TarFile, member: tarfile.TarInfo, parent: int, name: str) -> None:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parent)
        try:
            source = layer.extractfile(member)
            assert source is not None
            left = member.size
            while left:
                data = source.read(min(left, _CHUNK))
                if not data:
                    raise Failed("unpack", f"the layer ends within {member.name}", 1)
                left -= len(data)
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view):]
            self._own(descriptor, member)
            os.utime(descriptor, (member.mtime, member.mtime))
        finally:
            os.close(descriptor)

    def _put_hard_link(self, member: tarfile.TarInfo, parent: int, name: str) -> None:
        folder, _, other = _inside(member.linkname).rpartition("/")
        source = self._open(folder or ".", os.O_PATH | os.O_DIRECTORY)
        try:
            os.link(other, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(source)

    # --- names ---
    def _parent(self, folder: str) -> int:
        """The open folder, made where a layer forgot to."""
        try:
            return self._open(folder or ".", os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            above, _, name = folder.rpartition("/")
            parent = self._parent(above)
            try:
                os.mkdir(name, 0o755, dir_fd=parent)
            finally:
                os.close(parent)
            return self._open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def _open(self, path: str, flags: int) -> int:
        return calls.open_in_root(self._root, path, flags)

    def _clear(self, parent: int, name: str) -> None:
        """A later entry of a name replaces an earlier one."""
        try:
            there = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return
        if stat.S_ISDIR(there.st_mode):
            shutil.rmtree(name, dir_fd=parent)
        else:
            os.unlink(name, dir_fd=parent)

    # --- owners ---
    def _own(self, descriptor: int, member: tarfile.TarInfo) -> None:
        if self._owners:
            os.fchown(descriptor, member.uid, member.gid)
        mode = member.mode & 0o7777
        # with one id alone, what its owner cannot read nobody could unpack over, list or remove
        os.fchmod(descriptor, mode if self._owners else mode | (0o700 if member.isdir() else 0o400))

    def _own_name(self, parent: int, name: str, member: tarfile.TarInfo) -> None:
        if self._owners:
            os.chown(name, member.uid, member.gid, dir_fd=parent, follow_symlinks=False)


def _inside(name: str) -> str:
    """A member's path below the folder. Raises Failed for one that would leave it."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Failed("unpack", f"the layer holds a path that leaves the image: {name}", 1)
    return "/".join(parts) or "."
