"""The default profile: which plug-ins judge, in which order, with which weight.

Source: pkg/scheduler/apis/config/v1/default_plugins.go of v1.36. Profiles that somebody configured are made by `configuration`.
"""

from __future__ import annotations

from wherry.rules.placing.scheduling.device_claims import DynamicResources
from wherry.rules.placing.scheduling.filters import (
    NodeAffinityFilter,
    NodeName,
    NodePorts,
    NodeUnschedulable,
    TaintTolerationFilter,
)
from wherry.rules.placing.scheduling.image_locality import ImageLocality
from wherry.rules.placing.scheduling.inter_pod import InterPodAffinity
from wherry.rules.placing.scheduling.inter_pod_score import InterPodAffinityScore
from wherry.rules.placing.scheduling.plugin import Profile
from wherry.rules.placing.scheduling.resources_fit import BalancedAllocation, LeastAllocated, NodeResourcesFit
from wherry.rules.placing.scheduling.scores import NodeAffinityScore, OwnerSpread, TaintTolerationScore
from wherry.rules.placing.scheduling.topology_spread import TopologySpread
from wherry.rules.placing.scheduling.topology_spread_score import TopologySpreadScore
from wherry.rules.placing.volumes.binding import VolumeBinding
from wherry.rules.placing.volumes.limits import NodeVolumeLimits
from wherry.rules.placing.volumes.restrictions import VolumeRestrictions
from wherry.rules.placing.volumes.zone import VolumeZone

DEFAULT = Profile(
    filters=(NodeUnschedulable(), NodeName(), TaintTolerationFilter(), NodeAffinityFilter(), NodePorts(), NodeResourcesFit()),
    cluster_filters=(
        VolumeRestrictions(), NodeVolumeLimits(), VolumeBinding(), VolumeZone(), TopologySpread(), InterPodAffinity(), DynamicResources(),
    ),
    scores=(TaintTolerationScore(), NodeAffinityScore(), LeastAllocated(), OwnerSpread(), BalancedAllocation()),
    cluster_scores=(TopologySpreadScore(), InterPodAffinityScore(), ImageLocality()),
)
