"""The workloads of the past: their old defaults, their forms, and how their writes differ.

Called by the conversion of versions and by the registry for requests in `extensions/v1beta1`, `apps/v1beta1` and `apps/v1beta2`. Pure.
A part is imported when it is first used: most clusters never hear of these versions.
Source: pkg/apis/{extensions,apps}/v1beta*/{defaults,conversion}.go of Kubernetes v1.15.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wherry.rules.kinds.legacy.forms import from_stored, to_stored
    from wherry.rules.kinds.legacy.rollback import rolled, validate_rollback
    from wherry.rules.kinds.legacy.scales import from_scale
    from wherry.rules.kinds.legacy.strategies import strategy

__all__ = ("from_scale", "from_stored", "rolled", "strategy", "to_stored", "validate_rollback")
_PLACE = {
    "from_scale": "scales",
    "from_stored": "forms",
    "rolled": "rollback",
    "strategy": "strategies",
    "to_stored": "forms",
    "validate_rollback": "rollback",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACE:
        raise AttributeError(name)
    return getattr(import_module(f"wherry.rules.kinds.legacy.{_PLACE[name]}"), name)
