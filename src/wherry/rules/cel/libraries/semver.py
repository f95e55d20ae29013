"""Semantic versions: `semver("1.2.3")`, compared by precedence, and `semver(text, true)` which forgives short forms and a leading `v`.

Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-semver-library and https://semver.org/#spec-item-11
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from wherry.rules.cel.errors import CelError
from wherry.rules.cel.library import Functions

_NUMBER = r"(0|[1-9][0-9]*)"
_VERSION = re.compile(rf"^{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$")


@dataclass(frozen=True, slots=True)
class Semver:
    cel_type: ClassVar[str] = "kubernetes.Semver"

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...]

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts by precedence: a release comes after its pre-releases, numbers before words."""
        pre = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.pre)
        return self.major, self.minor, self.patch, not pre, pre


def _parse(text: str) -> Semver:
    match = _VERSION.match(text)
    if not text:
        raise CelError("Version string empty")
    if match is None:
        raise CelError("No Major.Minor.Patch elements found" if text.count(".") < 2 else f'Invalid character(s) found in version "{text}"')
    pre = tuple(match[4].split(".")) if match[4] else ()
    if any(not p or (p.isdigit() and len(p) > 1 and p[0] == "0") for p in pre):
        raise CelError(f'Numeric PreRelease version must not contain leading zeroes "{match[4]}"')
    return Semver(int(match[1]), int(match[2]), int(match[3]), pre)


def _semver(text: str, normalize: bool = False) -> Semver:
    if not normalize:
        return _parse(text)
    parts = text.removeprefix("v").split(".", 2)
    parts = [_without_zeros(p) for p in parts]
    if len(parts) < 3:
        if "+" in parts[-1] or "-" in parts[-1]:
            raise CelError("short version cannot contain PreRelease/Build meta data")
        parts += ["0"] * (3 - len(parts))
    return _parse(".".join(parts))


def _without_zeros(part: str) -> str:
    if len(part) < 2:
        return part
    part = part.lstrip("0")
    return part if part and part[0].isdigit() else "0" + part


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        _semver(text, normalize)
    except CelError:
        return False
    return True


def _compare(a: Semver, b: Semver) -> int:
    return (a.order > b.order) - (a.order < b.order)


def declare(known: Functions) -> None:
    d = known.declare
    d("@@semver(string): kubernetes.Semver", _semver)
    d("@@semver(string, bool): kubernetes.Semver", _semver)
    d("@@isSemver(string): bool", _is_semver)
    d("@@isSemver(string, bool): bool", _is_semver)
    d("<kubernetes.Semver>.isGreaterThan(kubernetes.Semver): bool", lambda a, b: a.order > b.order)
    d("<kubernetes.Semver>.isLessThan(kubernetes.Semver): bool", lambda a, b: a.order < b.order)
    d("<kubernetes.Semver>.compareTo(kubernetes.Semver): int", _compare)
    d("<kubernetes.Semver>.major(): int", lambda v: v.major)
    d("<kubernetes.Semver>.minor(): int", lambda v: v.minor)
    d("<kubernetes.Semver>.patch(): int", lambda v: v.patch)
