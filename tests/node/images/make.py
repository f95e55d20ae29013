"""Images for tests: layers of a few files or of this machine's own programs, archives, and nothing that has to be kept or fetched."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from wherry.node.images.manifests import architecture

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PROGRAMS = (
    "sh", "ls", "cat", "echo", "sleep", "id", "env", "hostname", "touch", "rm", "mkdir", "true", "false", "kill", "stty", "tty", "head",
    "wc", "seq", "dd", "stat", "chmod", "chown", "uname",
)


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def entry(name: str, data: bytes = b"", **fields) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def layer(*entries: tuple[tarfile.TarInfo, bytes], **files: str) -> bytes:
    """`files`: name -> text, for those without anything special."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for info, data in (*entries, *(entry(name, text.encode()) for name, text in files.items())):
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def folder(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.DIRTYPE, mode=mode)


def link(name: str, to: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.SYMTYPE, linkname=to)


def programs(names: tuple[str, ...] = PROGRAMS) -> bytes:
    """A layer with these programs of the machine and the libraries they need."""
    entries = {name: folder(name) for name in ("bin", "etc", "root")}
    entries["tmp"] = folder("tmp", 0o1777)
    for name in names:
        path = shutil.which(name, path="/usr/bin:/bin")
        if path is None:
            raise FileNotFoundError(name)
        entries[f"bin/{name}"] = entry(f"bin/{name}", Path(path).read_bytes(), mode=0o755)
        for library in re.findall(r"(/\S+)", subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout):
            inside = os.path.normpath(library).lstrip("/")
            entries[inside] = entry(inside, Path(library).read_bytes(), mode=0o755)
    users = b"root:x:0:0:root:/root:/bin/sh\nweb:x:33:44::/srv:/bin/sh\n"
    entries["etc/passwd"] = entry("etc/passwd", users)
    entries["etc/group"] = entry("etc/group", b"root:x:0:\nweb:x:44:\nextra:x:55:web\n")
    return layer(*entries.values())


@dataclass
class Made:
    """An image: its blobs by digest, and the manifest that names them."""

    layers: list[bytes]
    config: dict = field(default_factory=dict)
    packed: bool = True
    diffs: list[str] | None = None
    # no time in it: equal layers have equal digests
    pack: Callable[[bytes], bytes] = field(default=lambda plain: gzip.compress(plain, 1, mtime=0))

    def __post_init__(self):
        self.packed_layers = [self.pack(one) if self.packed else one for one in self.layers]
        self.config_data = json.dumps({
            "architecture": architecture(), "os": "linux", "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": self.diffs or [digest(one) for one in self.layers]},
        }).encode()
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": self.id, "size": len(self.config_data)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(one), "size": len(one)}
                       for one in self.packed_layers],
        }).encode()

    @property
    def id(self) -> str:
        return digest(self.config_data)

    @property
    def digest(self) -> str:
        return digest(self.manifest)

    @property
    def blobs(self) -> dict[str, bytes]:
        return {digest(one): one for one in (self.config_data, *self.packed_layers)}

    def docker_archive(self, path: Path, *names: str) -> Path:
        """As `docker save` writes it."""
        entries = [entry(f"{digest(one)[7:]}/layer.tar", one) for one in self.layers]
        said = [{"Config": "config.json", "RepoTags": list(names), "Layers": [info.name for info, _ in entries]}]
        path.write_bytes(layer(entry("config.json", self.config_data), *entries, entry("manifest.json", json.dumps(said).encode())))
        return path

    def layout(self, path: Path, name: str = "") -> Path:
        """An OCI layout as a folder."""
        blobs = path / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        for key, data in {**self.blobs, self.digest: self.manifest}.items():
            (blobs / key[7:]).write_bytes(data)
        annotations = {"annotations": {"org.opencontainers.image.ref.name": name}} if name else {}
        said = {"mediaType": MANIFEST, "digest": self.digest, "size": len(self.manifest), **annotations}
        (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [said]}))
        (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        return path
