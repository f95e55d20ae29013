"""The resize subresource of pods: changes cpu and memory of a pod that runs, in place.

Read and written like the pod itself, under a strategy of its own. Source: pkg/registry/core/pod/strategy.go; KEP-1287.
"""

from __future__ import annotations

from dataclasses import replace

from wherry.rules.kinds.pods import STRATEGIES, update_resize, validate_resize
from wherry.rules.strategy import Strategy

STRATEGY: Strategy = replace(STRATEGIES["Pod"], prepare_update=update_resize, validate_update=validate_resize)
