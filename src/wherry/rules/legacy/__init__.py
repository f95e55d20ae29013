"""The workloads of the past: their old defaults, their forms, and how their writes differ.

Called by the conversion of versions and by the registry for requests in `extensions/v1beta1`, `apps/v1beta1` and `apps/v1beta2`. Pure.
Source: pkg/apis/{extensions,apps}/v1beta*/{defaults,conversion}.go of Kubernetes v1.15.
"""

from wherry.rules.legacy.forms import from_stored, to_stored
from wherry.rules.legacy.rollback import rolled, validate_rollback
from wherry.rules.legacy.scales import from_scale
from wherry.rules.legacy.strategies import strategy

__all__ = ("from_scale", "from_stored", "rolled", "strategy", "to_stored", "validate_rollback")
