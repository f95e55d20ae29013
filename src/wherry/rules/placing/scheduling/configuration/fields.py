"""Reading the fields of a configuration: whatever is unknown or of the wrong type becomes a fault that names its path.

Called by the other modules here. Invariant: a reader gives a value of its type in any case; the faults say whether it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class Faults(list[str]):
    """What is wrong, in the order in which it was found."""

    def add(self, path: str, why: str) -> None:
        self.append(f"{path}: {why}" if path else why)


class Fields:
    """A mapping of the configuration, at a path. `known`: the fields that it may have."""

    def __init__(self, value: Any, path: str, known: Iterable[str], faults: Faults) -> None:
        self.path, self.faults = path, faults
        self._values: Mapping[str, Any] = {}
        if isinstance(value, Mapping):
            self._values = value
        elif value is not None:
            faults.add(path, "must be a mapping")
        for name in sorted(str(n) for n in set(self._values) - set(known)):
            faults.add(self.at(name), "unknown field")

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def fault(self, name: str, why: str) -> None:
        self.faults.add(self.at(name), why)

    def has(self, name: str) -> bool:
        return self._values.get(name) is not None

    def raw(self, name: str) -> Any:
        return self._values.get(name)

    def integer(self, name: str, default: int, low: int | None = None, high: int | None = None) -> int:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            self.fault(name, "must be an integer")
            return default
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"at least {low}" if high is None else f"in the range {low} to {high}"
            self.fault(name, f"must be {bounds}, not {value}")
        return value

    def text(self, name: str, default: str = "") -> str:
        value = self._values.get(name)
        if value is None or isinstance(value, str):
            return default if value is None else value
        self.fault(name, "must be a string")
        return default

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.fault(name, "must be true or false")
        return default

    def items(self, name: str) -> list[tuple[str, Any]]:
        """The items of a list, each with its path."""
        value = self._values.get(name)
        if value is None or isinstance(value, list):
            return [(f"{self.at(name)}[{i}]", item) for i, item in enumerate(value or ())]
        self.fault(name, "must be a list")
        return []

    def within(self, name: str, known: Iterable[str]) -> Fields:
        return Fields(self._values.get(name), self.at(name), known, self.faults)
