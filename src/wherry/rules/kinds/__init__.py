"""Strategies of the built-in kinds, one file per API group, each exporting `STRATEGIES`; here they are joined."""

from __future__ import annotations

from wherry.rules.kinds import (
    admission,
    autoscaling,
    certificates,
    core,
    events,
    extensions,
    network,
    plain,
    pods,
    policy,
    rbac,
    small,
    storage,
    workloads,
)
from wherry.rules.strategy import Strategy

_MODULES = (
    core, events, network, policy, rbac, autoscaling, small, storage, certificates, admission, extensions, plain, pods, workloads
)  # fmt: skip

#: group_kind ("Deployment.apps", "Pod") -> how objects of that kind are written
STRATEGIES: dict[str, Strategy] = {
    name: strategy
    for module in _MODULES
    for name, strategy in module.STRATEGIES.items()
}
