"""The real nodes of a cluster: their engine (processes, with images of the data directory, or a container runtime) and the agent over it.

Called by `components` for every runtime but `simulated`. What the machine refuses is told by the engine with what to do about it, and the
start fails: nodes are never simulated instead. Not with virtual time: programs do not wait for a clock.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.cluster import dns
from wherry.cluster.option_values import OptionError
from wherry.kit.clock import Clock
from wherry.node.engine import Engine, Unavailable
from wherry.rules.pods.kubelet import configuration
from wherry.rules.pods.kubelet.configuration import KubeletConfiguration

if TYPE_CHECKING:
    from wherry.cluster.options import Options
    from wherry.node.images.images import Registries
    from wherry.node.real.nodes import Joined, RealNodes


def build(client: Client, informers: Informers, clock: Clock, options: Options, folder: Path,
          joined: Joined | None = None, names: str = dns.ADDRESS) -> RealNodes:
    """`folder`: of the cluster's data; `joined`: one node of another cluster instead of as many as the options say.

    `names`: the address of a name server on the pods' own network, "" for none.

    Raises OptionError, Unavailable.
    """
    from wherry.node.real.nodes import RealNodes
    from wherry.node.real.runtime import memory_folder

    if options.time == "virtual":
        why = "programs do not wait for a clock that stands still"
        raise OptionError(f"runtime: {why}: time has to be real with runtime {options.runtime}")
    lasting = joined is not None or (options.data_dir is not None and not options.ephemeral)
    memory = memory_folder() if options.runtime == "process" else None
    engine = _process(options, folder, clock, memory) if memory else _containerd(options, folder, clock, lasting=lasting)
    names = names if engine.fabric is not None else ""
    return RealNodes(client, informers, clock, engine, folder / "pods", count=options.nodes, pods_per_node=options.pods_per_node, dns=names,
                     routine_events=options.routine_events, joined=joined, configuration=kubelet_configuration(options.kubelet_config),
                     memory=memory)


def kubelet_configuration(path: Path | None) -> KubeletConfiguration | None:
    """Of a file. Raises OptionError."""
    if path is None:
        return None
    try:
        return configuration.read(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise OptionError(f"kubelet_config: {path}: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise OptionError(f"kubelet_config: {path}: {error}") from error


def _process(options: Options, folder: Path, clock: Clock, memory: Path) -> Engine:
    from wherry.node.images.images import Images
    from wherry.node.images.store import ImageStore
    from wherry.node.images.table import Table
    from wherry.node.process.client import Settings
    from wherry.node.process.engine import ProcessEngine

    images = Images(ImageStore(folder / "images"), Table(_table(options.image_table)), registries(options))
    return ProcessEngine(images, Settings(left=str(memory)), now=clock.now)


def registries(options: Options) -> Registries:
    """Raises OptionError."""
    from wherry.cluster.options import DEFAULT_IMAGE_MISSING
    from wherry.node.images.images import Registries

    mirrors: dict[str, list[str]] = {}
    for row in options.registry_mirrors:
        registry, equals, address = row.partition("=")
        if not (registry and equals and address.startswith(("http://", "https://"))):
            raise OptionError(f"registry_mirrors: a row is REGISTRY=ADDRESS with http:// or https://, not {row!r}")
        mirrors.setdefault(registry, []).append(address.rstrip("/"))
    # the default is for simulated nodes: here an image that there is can be had, whatever its name
    missing = options.image_missing if options.image_missing != DEFAULT_IMAGE_MISSING else ()
    return Registries(mirrors, (*Registries().plain, *options.plain_registries), missing=missing)


def _containerd(options: Options, folder: Path, clock: Clock, *, lasting: bool) -> Engine:
    """`lasting`: pods outlive this process, and are found again by who keeps this folder."""
    if options.image_table:
        raise OptionError("image_table: images that stand for this machine's own files are of runtime process")
    try:
        from wherry.node.cri.engine import CriEngine, Settings
    except ImportError as error:
        raise Unavailable(f"the packages of container runtimes are not installed ({error})", "pip install 'wherry[containerd]'") from error
    from wherry.node.cri import ownership

    labels = ownership.lasting(folder) if lasting else ownership.passing()
    return CriEngine(Settings(labels, options.container_runtime_endpoint, survives=lasting), now=clock.now)


def _table(rows: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for row in rows:
        name, equals, stands_for = row.partition("=")
        if not (name and equals and stands_for):
            raise OptionError(f"image_table: a row is GLOB=host, not {row!r}")
        found[name] = stands_for
    return found
