"""Storage of a cluster: its first class, where the volumes of the built-in provisioner lie, and the controllers of claims and volumes.

Called by the cluster. The class is made when it is missing, never changed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wherry.api.errors import AlreadyExists, NotFound
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.rules.storage.binding.provision import storage_class

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster

CLASSES = resource("storageclasses", "storage.k8s.io")


async def ensure_class(client: Client, name: str) -> None:
    try:
        await client.get(CLASSES, "", name)
    except NotFound:
        try:
            await client.create(CLASSES, "", storage_class(name))
        except AlreadyExists:
            return  # another server on the same store was quicker


def volumes(cluster: Cluster) -> str:
    """Below it volumes are made: with the cluster's files, or with the machine's temporary ones for a cluster that keeps none."""
    temporary = cluster._temporary
    directory = cluster.options.data_dir or (Path(temporary.name) if temporary is not None else None)
    return below(directory.absolute() if directory is not None else Path(tempfile.gettempdir()) / "wherry")


def below(directory: Path) -> str:
    return str(directory / "volumes")
