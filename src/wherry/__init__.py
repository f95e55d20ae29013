"""wherry: a whole Kubernetes in one Python process.

`from wherry import Cluster` gives a cluster in an `async with` or a plain `with`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.kit.version import VERSION

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster
    from wherry.cluster.options import Options

__version__ = VERSION
__all__ = ["Cluster", "Options", "__version__"]


def __getattr__(name: str) -> Any:
    """`Cluster` and `Options`, imported when they are first used: a short command should not pay for a whole cluster."""
    if name == "Cluster":
        from wherry.cluster.cluster import Cluster

        return Cluster
    if name == "Options":
        from wherry.cluster.options import Options

        return Options
    raise AttributeError(f"module 'wherry' has no attribute {name!r}")
