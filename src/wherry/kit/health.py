"""Which parts of a process are ill, and why: what supervision notes, and what readiness and operators read.

`Tasks`, informers and the store note failures here. One failure is bad luck; a part that fails a second time without having been well in
between is ill. Nothing here acts: what is done about a failure is decided where it is noted.
"""

from __future__ import annotations

from collections.abc import Mapping

#: failures in a row from which on a part is ill
ILL_AFTER = 2


class Health:
    """By the name of a part: how often it failed in a row, and what was said last."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[int, str]] = {}

    def failed(self, part: str, why: str) -> int:
        """Note a failure; gives how many there were in a row."""
        count = self.failures(part) + 1
        self._failures[part] = count, why
        return count

    def well(self, part: str) -> None:
        """The part works; what it failed at before is forgotten."""
        self._failures.pop(part, None)

    def failures(self, part: str) -> int:
        """How often the part failed since it was well."""
        return self._failures.get(part, (0, ""))[0]

    @property
    def ill(self) -> Mapping[str, str]:
        """The parts that are ill, and what each said last."""
        return {part: why for part, (count, why) in self._failures.items() if count >= ILL_AFTER}
