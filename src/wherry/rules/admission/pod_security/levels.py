"""The policy that a namespace's labels ask for: a level and a version to enforce, to audit and to warn about.

Labels that cannot be read are errors; what then holds is `restricted` to enforce, and nothing to audit and warn about.
Source: k8s.io/pod-security-admission/api PolicyToEvaluate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from wherry.api.field import Errors, invalid, key

LEVELS = ("privileged", "baseline", "restricted")
_LABEL = "pod-security.kubernetes.io/"
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")
#: newer than every version
LATEST = -1


@dataclass(frozen=True, slots=True)
class LevelVersion:
    """`minor`: of v1.x; LATEST."""

    level: str = "privileged"
    minor: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.minor == LATEST else f'v1.{self.minor}'}"


PRIVILEGED = LevelVersion()


@dataclass(frozen=True, slots=True)
class Policy:
    enforce: LevelVersion = PRIVILEGED
    audit: LevelVersion = PRIVILEGED
    warn: LevelVersion = PRIVILEGED

    @property
    def allows_all(self) -> bool:
        return self.enforce.level == self.audit.level == self.warn.level == "privileged"


FULLY_PRIVILEGED = Policy()


def stricter(a: LevelVersion, b: LevelVersion) -> bool:
    """Whether level `a` allows less than level `b`."""
    return LEVELS.index(a.level) > LEVELS.index(b.level)


def policy_of(labels: Mapping[str, str]) -> tuple[Policy, Errors]:
    if not any(name.startswith(_LABEL) for name in labels):
        return FULLY_PRIVILEGED, []
    errors: Errors = []
    enforce = _mode(labels, "enforce", "restricted", errors)
    audit = _mode(labels, "audit", "privileged", errors)
    warn = _mode(labels, "warn", "privileged", errors)
    told = labels.get(f"{_LABEL}enforce") in LEVELS
    if f"{_LABEL}warn" not in labels and told and stricter(enforce, warn):
        warn = enforce if f"{_LABEL}warn-version" not in labels else replace(warn, level=enforce.level)
    return Policy(enforce, audit, warn), errors


def _mode(labels: Mapping[str, str], mode: str, otherwise: str, errors: Errors) -> LevelVersion:
    found = PRIVILEGED
    level, version = labels.get(f"{_LABEL}{mode}"), labels.get(f"{_LABEL}{mode}-version")
    if level is not None:
        if level not in LEVELS:
            errors.append(invalid(key("metadata.labels", f"{_LABEL}{mode}"), level, f"must be one of {', '.join(LEVELS)}"))
        found = replace(found, level=level if level in LEVELS else otherwise)
    if version is not None and version != "latest":
        match = _VERSION.fullmatch(version)
        if match is None:
            errors.append(invalid(key("metadata.labels", f"{_LABEL}{mode}-version"), version, 'must be "latest" or "v1.x"'))
        else:
            found = replace(found, minor=int(match.group(1)))
    return found
