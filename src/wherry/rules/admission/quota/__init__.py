"""ResourceQuotas: what each kind of object uses of them, whether a write still fits, and a recount.

Called by the ResourceQuota admission plug-in and by the controller. Pure; the time is an argument.
Source: pkg/quota/v1, k8s.io/apiserver pkg/quota/v1 and plugin/resourcequota; https://kubernetes.io/docs/concepts/policy/resource-quotas/.
"""

from wherry.rules.admission.quota.check import Charge, Exceeded, Write, charges
from wherry.rules.admission.quota.evaluators import IGNORED, evaluator, replenishes
from wherry.rules.admission.quota.recount import counted, recounted, sources

__all__ = ("IGNORED", "Charge", "Exceeded", "Write", "charges", "counted", "evaluator", "recounted", "replenishes", "sources")
