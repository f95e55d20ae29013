"""Numbers that may be a share: `3` or `"25%"`, as maxSurge, maxUnavailable and minAvailable are.

Called by the rollout and disruption rules and by validation. A percentage is taken of a total and rounded up or down.
Source of the rule: k8s.io/apimachinery/pkg/util/intstr GetScaledValueFromIntOrPercent.
"""

from __future__ import annotations

import re
from functools import lru_cache

from wherry.api import field

_NUMBER = re.compile(r"[+-]?[0-9]+")
_PERCENT = re.compile(r"[0-9]+%")


@lru_cache(maxsize=512)
def _percentage(value: str) -> int:
    if not value.endswith("%"):
        raise ValueError("invalid value for IntOrString: invalid type: string is not a percentage")
    digits = value[:-1]
    if not _NUMBER.fullmatch(digits):
        raise ValueError(
            f"invalid value for IntOrString: invalid value {field.show(value)}: strconv.Atoi: parsing {field.show(digits)}: invalid syntax"
        )
    return int(digits)


def scaled(value: int | str, total: int, round_up: bool) -> int:
    """A plain number as it is, a percentage of `total` rounded as asked. Raises ValueError with the reference's text."""
    if isinstance(value, int):
        return value
    product = _percentage(value) * total
    return -(-product // 100) if round_up else product // 100


def is_percent(value: int | str) -> bool:
    """True for a well-formed percentage: digits and `%` (validation.IsValidPercent)."""
    return isinstance(value, str) and _PERCENT.fullmatch(value) is not None


def is_valid(value: int | str) -> bool:
    """True for any number and for a well-formed percentage."""
    return isinstance(value, int) or is_percent(value)


def percent(value: int | str) -> int | None:
    """The number before `%`, or None when the value is no percentage."""
    return int(value[:-1]) if isinstance(value, str) and is_percent(value) else None
