"""What tests of code that talks to a cluster need: the pytest plugin and its fixtures, the report of a failed test, kind's fixture.

The names here are for annotations; the fixtures come by themselves with the plugin.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wherry.cluster.sync_cluster import SyncCluster
    from wherry.testing.kind_cluster import KindCluster
    from wherry.testing.session import NamespacedCluster

_HOMES = {
    "KindCluster": "wherry.testing.kind_cluster",
    "NamespacedCluster": "wherry.testing.session",
    "SyncCluster": "wherry.cluster.sync_cluster",
}

__all__ = ["KindCluster", "NamespacedCluster", "SyncCluster"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
