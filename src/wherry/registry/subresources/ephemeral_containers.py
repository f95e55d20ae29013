"""The ephemeralcontainers subresource of pods: adds containers to a pod that runs; nothing else of it changes.

Read and written like the pod itself, under a strategy of its own. Source: pkg/registry/core/pod/strategy.go; KEP-277.
"""

from __future__ import annotations

from dataclasses import replace

from wherry.rules.kinds.pods import STRATEGIES, update_ephemeral_containers, validate_ephemeral_containers
from wherry.rules.strategy import Strategy

STRATEGY: Strategy = replace(
    STRATEGIES["Pod"],
    prepare_update=update_ephemeral_containers,
    validate_update=validate_ephemeral_containers,
)
