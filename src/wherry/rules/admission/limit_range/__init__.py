"""LimitRanges: what they fill in, and what they refuse.

Called by the LimitRanger admission plug-in. Pure.
Source: plugin/pkg/admission/limitranger; https://kubernetes.io/docs/concepts/policy/limit-range/.
"""

from wherry.rules.admission.limit_range.bounds import claim_violations, pod_violations
from wherry.rules.admission.limit_range.defaults import fill_in

__all__ = ("claim_violations", "fill_in", "pod_violations")
