"""Pods that claim devices (spec.resourceClaims): wherry has no devices to give, so their claims cannot be allocated on any node.

A cluster-wide filter. Nothing here publishes ResourceSlices, and slices that somebody wrote are not allocated from: such a pod stays
Pending and says why, instead of running without what it asked for.
Source of the text: pkg/scheduler/framework/plugins/dynamicresources (Filter); KEP-4381.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.rules.placing.scheduling.demand import PodInfo
from wherry.rules.placing.scheduling.plugin import Rejection
from wherry.rules.placing.scheduling.snapshot import Snapshot


class DynamicResources:
    name = "DynamicResources"
    _refused = Rejection(name, ("cannot allocate all claims",))

    def applies(self, info: PodInfo, snapshot: Snapshot) -> bool:
        return bool(info.pod["spec"].get("resourceClaims"))

    def check_all(self, info: PodInfo, snapshot: Snapshot, candidates: Sequence[int]) -> dict[int, Rejection]:
        return dict.fromkeys(candidates, self._refused)
