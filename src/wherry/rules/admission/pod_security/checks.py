"""Which checks a level has in which version, and what they find.

A check holds from a version on until a later form of it does; restricted ones may take the place of baseline ones.
Source: k8s.io/pod-security-admission/policy/registry.go.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.admission.pod_security import host, profiles, restricted
from wherry.rules.admission.pod_security.levels import LATEST, LevelVersion
from wherry.rules.admission.pod_security.words import Check, Violation


class _Versions(NamedTuple):
    """`forms`: (first minor version, check), growing. `instead_of`: the baseline check whose place it takes."""

    name: str
    forms: tuple[tuple[int, Check], ...]
    instead_of: str = ""

    def at(self, minor: int) -> Check | None:
        found = [check for first, check in self.forms if first <= minor]
        return found[-1] if found else None


_BASELINE = (
    _Versions("appArmorProfile", ((0, profiles.app_armor),)),
    _Versions("capabilities_baseline", ((0, profiles.capabilities),)),
    _Versions("hostNamespaces", ((0, host.host_namespaces),)),
    _Versions("hostPathVolumes", ((0, host.host_path_volumes),)),
    _Versions("hostPorts", ((0, host.host_ports),)),
    _Versions("hostProbesAndHostLifecycle", ((34, host.hosts_asked),)),
    _Versions("privileged", ((0, host.privileged),)),
    _Versions("procMount", ((0, host.proc_mount), (35, host.proc_mount_1_35))),
    _Versions("seLinuxOptions", ((0, profiles.selinux), (31, profiles.selinux_1_31))),
    _Versions("seccompProfile_baseline", ((0, profiles.seccomp), (19, profiles.seccomp_1_19))),
    _Versions("sysctls", ((0, host.sysctls), (27, host.sysctls_1_27), (29, host.sysctls_1_29), (32, host.sysctls_1_32))),
    _Versions("windowsHostProcess", ((0, host.windows_host_process),)),
)
_RESTRICTED = (
    _Versions("allowPrivilegeEscalation", ((8, restricted.privilege_escalation), (25, restricted.privilege_escalation_1_25))),
    _Versions("capabilities_restricted", ((22, restricted.capabilities), (25, restricted.capabilities_1_25)), "capabilities_baseline"),
    _Versions("procMount_restricted", ((35, host.proc_mount),), "procMount"),
    _Versions("restrictedVolumes", ((0, restricted.volumes),), "hostPathVolumes"),
    _Versions("runAsNonRoot", ((0, restricted.non_root), (35, restricted.non_root_1_35))),
    _Versions("runAsUser", ((23, restricted.user), (35, restricted.user_1_35))),
    _Versions("seccompProfile_restricted", ((19, profiles.seccomp_required), (25, restricted.seccomp_1_25)), "seccompProfile_baseline"),
)
#: of the newest form of a check; later versions are this one
_NEWEST = max(first for versions in (*_BASELINE, *_RESTRICTED) for first, _ in versions.forms)


@lru_cache(maxsize=256)
def _checks(level: str, minor: int) -> tuple[Check, ...]:
    mine = {v.name: check for v in _BASELINE if (check := v.at(minor))}
    if level == "restricted":
        for versions in _RESTRICTED:
            if check := versions.at(minor):
                mine.pop(versions.instead_of, None)
                mine[versions.name] = check
    return tuple(mine.values())


def violations(policy: LevelVersion, meta: Obj, spec: Obj) -> list[Violation]:
    """In the order of the checks' names, baseline ones first."""
    if policy.level == "privileged":
        return []
    minor = _NEWEST if policy.minor == LATEST else min(policy.minor, _NEWEST)
    return [found for check in _checks(policy.level, minor) if (found := check(meta, spec)) is not None]
