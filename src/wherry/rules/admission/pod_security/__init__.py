"""The Pod Security Standards: which policy a namespace asks for, and what of a pod goes against it.

Called by the PodSecurity admission plug-in. Pure.
Source: k8s.io/pod-security-admission; https://kubernetes.io/docs/concepts/security/pod-security-standards/.
"""

from wherry.rules.admission.pod_security.checks import violations
from wherry.rules.admission.pod_security.levels import FULLY_PRIVILEGED, PRIVILEGED, LevelVersion, Policy, policy_of, stricter
from wherry.rules.admission.pod_security.namespace import MOST, PodViolations, pod_warnings, prioritized
from wherry.rules.admission.pod_security.templates import WORKLOADS, is_significant, template_of
from wherry.rules.admission.pod_security.words import Violation, detailed, reasons

__all__ = (
    "FULLY_PRIVILEGED",
    "MOST",
    "PRIVILEGED",
    "WORKLOADS",
    "LevelVersion",
    "PodViolations",
    "Policy",
    "Violation",
    "detailed",
    "is_significant",
    "pod_warnings",
    "policy_of",
    "prioritized",
    "reasons",
    "stricter",
    "template_of",
    "violations",
)
