"""Exponential back-off, per key. Used by the work queue, and by whatever connects again after a failure.

Model: client-go's ItemExponentialFailureRateLimiter: the first failure waits `base`, each further one twice as long, up to `cap`.
"""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")


def delay(failures: int, base: float, cap: float) -> float:
    """Seconds to wait after that many failures in a row (1 is the first)."""
    if failures < 1:
        return 0.0
    exponent = min(failures - 1, 62)  # far beyond any cap, and no overflow
    return min(cap, base * (1 << exponent))


class Backoff(Generic[K]):
    """Counts failures per key until `forget`."""

    def __init__(self, base: float = 0.005, cap: float = 1000.0) -> None:
        self.base, self.cap = base, cap
        self._failures: dict[K, int] = {}

    def next(self, key: K) -> float:
        """Counts one more failure; seconds to wait now."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        return delay(failures, self.base, self.cap)

    def failures(self, key: K) -> int:
        return self._failures.get(key, 0)

    def forget(self, key: K) -> None:
        self._failures.pop(key, None)
