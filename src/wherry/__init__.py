"""wherry: a whole Kubernetes in one Python process.

`from wherry import Cluster` gives a cluster in an `async with` or a plain `with`. Names are imported when they are first used: a short
command should not pay for a whole cluster. What is in `__all__` here, in `wherry.rollout`, `wherry.rehearse` and `wherry.testing` is the
public surface (docs/python.md); the rest of the package may change.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from wherry.kit.version import VERSION

if TYPE_CHECKING:
    from wherry.api.errors import Conflict, Forbidden, NotFound, StatusError
    from wherry.api.resources import resource
    from wherry.client.access import ConfigError
    from wherry.client.http import HttpClient
    from wherry.client.kubeconfig import load as load_kubeconfig
    from wherry.client.protocol import Client
    from wherry.client.sync import SyncClient
    from wherry.client.transport import ConnectionFailed
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.failures import Stuck, TimedOut, WaitFailed
    from wherry.cluster.kubeconfig import KubeconfigError
    from wherry.cluster.manifests import ManifestError
    from wherry.cluster.option_values import OptionError
    from wherry.cluster.options import Options
    from wherry.cluster.serving import PortError
    from wherry.cluster.state import StateError
    from wherry.cluster.sync_cluster import SyncCluster
    from wherry.cluster.thread import NotRunning
    from wherry.errors import WherryError
    from wherry.kit.clock import NotReached, NotVirtual
    from wherry.store.protocol import StoreError

#: name -> where it is, and its name there if it is another
_HOMES = {
    "Client": "client.protocol",
    "Cluster": "cluster.cluster",
    "ConfigError": "client.access",
    "Conflict": "api.errors",
    "ConnectionFailed": "client.transport",
    "Forbidden": "api.errors",
    "HttpClient": "client.http",
    "KubeconfigError": "cluster.kubeconfig",
    "ManifestError": "cluster.manifests",
    "NotFound": "api.errors",
    "NotReached": "kit.clock",
    "NotRunning": "cluster.thread",
    "NotVirtual": "kit.clock",
    "OptionError": "cluster.option_values",
    "Options": "cluster.options",
    "PortError": "cluster.serving",
    "StateError": "cluster.state",
    "StatusError": "api.errors",
    "StoreError": "store.protocol",
    "Stuck": "cluster.failures",
    "SyncClient": "client.sync",
    "SyncCluster": "cluster.sync_cluster",
    "TimedOut": "cluster.failures",
    "WaitFailed": "cluster.failures",
    "WherryError": "errors",
    "load_kubeconfig": "client.kubeconfig:load",
    "resource": "api.resources",
}

__version__ = VERSION
__all__ = [
    "Client",
    "Cluster",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "Forbidden",
    "HttpClient",
    "KubeconfigError",
    "ManifestError",
    "NotFound",
    "NotReached",
    "NotRunning",
    "NotVirtual",
    "OptionError",
    "Options",
    "PortError",
    "StateError",
    "StatusError",
    "StoreError",
    "Stuck",
    "SyncClient",
    "SyncCluster",
    "TimedOut",
    "WaitFailed",
    "WherryError",
    "__version__",
    "load_kubeconfig",
    "resource",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module, _, other = _HOMES[name].partition(":")
        return getattr(importlib.import_module(f"{__name__}.{module}"), other or name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
