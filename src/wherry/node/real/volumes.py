"""The volumes of pods on a real node: made before the sandbox, brought up to date while the pod runs, taken away with it.

Used by the runtime. `emptyDir` (memory: on the machine's shared memory), `hostPath`, what ConfigMaps, Secrets, the downward API and tokens
give, and claims on volumes that are folders of this machine; every other kind is refused by name.
Source of the rules: pkg/volume; https://kubernetes.io/docs/concepts/storage/volumes/.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj, name, namespace
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.kit.clock import Clock
from wherry.linux import calls
from wherry.node.engine import Mount, Propagation, StartFailed
from wherry.node.real import payloads
from wherry.node.real.tokens import Tokens
from wherry.rules.pods.kubelet.field_values import Setting
from wherry.rules.pods.kubelet.references import Found
from wherry.rules.pods.kubelet.static_pods import pod_id
from wherry.rules.pods.kubelet.volumes import File, MountProblem, files

_CLAIMS, _VOLUMES = resource("persistentvolumeclaims"), resource("persistentvolumes")
_PROPAGATION: dict[str, Propagation] = {"None": "", "HostToContainer": "HostToContainer", "Bidirectional": "Bidirectional"}
#: characters of a file of variables
_MOST_READ = 1 << 20
_READ_ONLY = ("configMap", "secret", "projected", "downwardAPI")
_TYPES = {
    "Directory": (stat.S_ISDIR, "directory"), "File": (stat.S_ISREG, "file"), "Socket": (stat.S_ISSOCK, "socket"),
    "CharDevice": (stat.S_ISCHR, "character device"), "BlockDevice": (stat.S_ISBLK, "block device"),
}  # fmt: skip


class Refused(MountProblem):
    """`volume` cannot be set up."""

    def __init__(self, volume: str, why: str) -> None:
        super().__init__(why)
        self.volume = volume


class Volumes:
    """Below `folder`; `memory`: where volumes of memory are, which has to be a tmpfs."""

    def __init__(self, client: Client, clock: Clock, folder: Path, memory: Path) -> None:
        self._client = client
        self._folder = folder
        self._memory = memory
        self._tokens = Tokens(client, clock)

    async def make(self, pod: Obj, found: Found, setting: Setting) -> dict[str, Path]:
        """Where each volume is, by its name. Raises Refused."""
        return await self._each(pod, found, setting)

    async def _each(self, pod: Obj, found: Found | None, setting: Setting | None) -> dict[str, Path]:
        made: dict[str, Path] = {}
        for volume in pod["spec"].get("volumes") or ():
            try:
                made[volume["name"]] = await self._make(pod, volume, found, setting)
            except (MountProblem, OSError, StatusError) as problem:
                raise Refused(volume["name"], str(problem)) from problem
        return made

    async def again(self, pod: Obj) -> dict[str, Path]:
        """Where the volumes of a pod are that ran before this process did; what is in them stays. Raises Refused."""
        return await self._each(pod, None, None)

    async def refresh(self, pod: Obj, found: Found, setting: Setting) -> None:
        """Write anew what has changed. Raises MountProblem, StatusError, OSError."""
        for volume in pod["spec"].get("volumes") or ():
            if any(kind in volume for kind in _READ_ONLY):
                await self._make(pod, volume, found, setting)

    def read(self, pod: Obj, volume: str, path: str) -> str | None:
        """A file of a volume that is the pod's own; None when it cannot be read. Links do not lead out of the volume."""
        for below in (self._folder, self._memory):
            try:
                root = os.open(below / pod_id(pod) / volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                with open(calls.open_in_root(root, path, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as file:
                    text = file.read(_MOST_READ + 1)
            except (OSError, ValueError):
                return None
            finally:
                os.close(root)
            return text if len(text) <= _MOST_READ else None
        return None

    def remove(self, pod: Obj) -> None:
        for folder in (self._folder, self._memory):
            shutil.rmtree(folder / pod_id(pod), ignore_errors=True)

    async def _make(self, pod: Obj, volume: Obj, found: Found | None, setting: Setting | None) -> Path:
        """`found` None: nothing is written anew."""
        group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
        if "emptyDir" in volume:
            return self._empty(pod, volume, group)
        if "hostPath" in volume:
            return _host_path(volume["hostPath"])
        if "persistentVolumeClaim" in volume:
            return await self._claimed(namespace(pod), volume["persistentVolumeClaim"]["claimName"])
        if "ephemeral" in volume:
            return await self._claimed(namespace(pod), f"{name(pod)}-{volume['name']}")
        if found is None or setting is None:
            return self._of(self._folder if "configMap" in volume else self._memory, pod, volume)
        content = files(pod, volume, found, setting)
        if content is None:
            kind = next((key for key in volume if key != "name"), "none")
            raise MountProblem(f"volumes of kind {kind} are not mounted on this node")
        # as on a kubelet, only what is no secret is on a disk
        folder = self._of(self._folder if "configMap" in volume else self._memory, pod, volume)
        folder.mkdir(parents=True, exist_ok=True)
        content.update(await self._tokens.of(pod, volume))
        await asyncio.get_running_loop().run_in_executor(None, payloads.write, folder, content, group)
        return folder

    def _of(self, below: Path, pod: Obj, volume: Obj) -> Path:
        return below / pod_id(pod) / str(volume["name"])

    def _empty(self, pod: Obj, volume: Obj, group: int | None) -> Path:
        memory = (volume["emptyDir"] or {}).get("medium") == "Memory"
        folder = self._of(self._memory if memory else self._folder, pod, volume)
        folder.mkdir(parents=True, exist_ok=True)
        os.chmod(folder, (0o1777 if memory else 0o777) | (0o2000 if group is not None else 0))
        if group is not None:
            _give(folder, group)
            os.chmod(folder, (0o1777 if memory else 0o777) | 0o2000)
        return folder

    async def _claimed(self, space: str, called: str) -> Path:
        try:
            claim = await self._client.get(_CLAIMS, space, called)
            volume = await self._client.get(_VOLUMES, "", claim["spec"].get("volumeName", ""))
        except NotFound as error:
            raise MountProblem(str(error)) from error
        spec = volume["spec"]
        if spec.get("volumeMode") == "Block":
            raise MountProblem("block devices are not given to pods on this node")
        if "hostPath" in spec:
            return _host_path(spec["hostPath"])
        if "local" in spec:
            return _host_path({"path": spec["local"]["path"], "type": "Directory"})
        raise MountProblem(f"persistent volume {name(volume)} is of a kind that is not mounted on this node")


def _host_path(source: Obj) -> Path:
    path, kind = Path(source["path"]), source.get("type") or ""
    if kind in ("DirectoryOrCreate", "FileOrCreate"):
        if not path.exists():
            (path if kind == "DirectoryOrCreate" else path.parent).mkdir(mode=0o755, parents=True, exist_ok=True)
            if kind == "FileOrCreate":
                path.touch(0o644)
        kind = kind.removesuffix("OrCreate")
    if kind:
        fits, called = _TYPES[kind]
        try:
            right = fits(path.stat().st_mode)
        except OSError:
            right = False
        if not right:
            raise MountProblem(f"hostPath type check failed: {path} is not a {called}")
    elif not path.exists():
        path.mkdir(mode=0o755, parents=True)
    return path


def _give(path: Path, group: int) -> None:
    try:
        os.chown(path, -1, group)
    except OSError:
        return  # an ordinary user has no other groups to give


def mounts(pod: Obj, container: Obj, made: Mapping[str, Path], below: Mapping[str, str]) -> list[Mount]:
    """Of a container, in the order of its spec. `below`: the path in the volume by mount path. Raises StartFailed."""
    if container.get("volumeDevices"):
        raise StartFailed("CreateContainerError", "block devices are not given to pods on this node")
    kinds = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    listed = []
    for mount in container.get("volumeMounts") or ():
        source, path = made[mount["name"]], below.get(mount["mountPath"], "")
        if path:
            source = _inside(source, path)
        fixed = any(kind in kinds[mount["name"]] for kind in _READ_ONLY)
        read_only = fixed or bool(mount.get("readOnly"))
        if mount.get("recursiveReadOnly") == "Enabled":
            raise StartFailed("CreateContainerError", "recursiveReadOnly Enabled is not kept on this node")
        propagation = _PROPAGATION[mount.get("mountPropagation") or "None"]
        listed.append(Mount(str(source), mount["mountPath"], read_only, propagation=propagation))
    return listed


def _inside(folder: Path, path: str) -> Path:
    """What `path` leads to; made as a folder where there is nothing. Links out of the volume are refused."""
    root = folder.resolve()
    target = (root / path).resolve()
    if not target.is_relative_to(root):
        raise StartFailed("CreateContainerConfigError", f"subPath {path!r} leads out of its volume")
    if not target.exists():
        target.mkdir(parents=True)
        os.chmod(target, stat.S_IMODE(root.stat().st_mode))
    return target


__all__ = ["File", "Refused", "Volumes", "mounts"]
