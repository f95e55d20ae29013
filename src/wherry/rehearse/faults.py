"""Faults: what goes wrong in a rehearsal, from the words of a command line to values. Pure.

5% of pods never become ready          3 pods never become ready
10% of pods take 2m to become ready    10% of pods crash after 20s
node n3 dies at 2m [and comes back at 5m]
node n3 is drained at 30s
image registry/web:2 is missing
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wherry.rehearse.world import RehearsalError

_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class PodFault:
    """`share` of the new pods (between 0 and 1), or the first `count` of them. `what`: never-ready, slow or crash."""

    what: str
    share: float = 0.0
    count: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeFault:
    """`what`: dies or drained; `at` and `back` in seconds from the start of the rollout."""

    what: str
    node: str
    at: float
    back: float | None = None


@dataclass(frozen=True, slots=True)
class Faults:
    pods: tuple[PodFault, ...] = ()
    nodes: tuple[NodeFault, ...] = ()
    missing_images: tuple[str, ...] = ()
    #: as they were given, for the report
    texts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.texts)


_TIME = r"((?:\d+(?:\.\d+)?(?:ms|s|m|h))+|\d+(?:\.\d+)?)"
_PODS = re.compile(
    rf"(?:(\d+(?:\.\d+)?) ?%(?: of(?: the)?)?|(\d+)) pods? (?:(never (?:become|becomes|get|gets) ready)|"
    rf"takes? {_TIME} to become ready|crash(?:es)?(?: after {_TIME})?)"
)
_DIES = re.compile(rf"node (\S+) dies at {_TIME}(?:(?:,| and)? (?:comes )?back at {_TIME})?")
_DRAINED = re.compile(rf"node (\S+) is drained at {_TIME}")
_IMAGE = re.compile(r"image (\S+) (?:is missing|does not exist)")


def parse(texts: tuple[str, ...]) -> Faults:
    """Raises RehearsalError for words that mean nothing here."""
    pods: list[PodFault] = []
    nodes: list[NodeFault] = []
    images: list[str] = []
    for text in texts:
        said = " ".join(text.split())
        if found := _PODS.fullmatch(said):
            pods.append(_pod_fault(said, found))
        elif found := _DIES.fullmatch(said):
            nodes.append(NodeFault("dies", found[1], seconds(found[2]), seconds(found[3]) if found[3] else None))
        elif found := _DRAINED.fullmatch(said):
            nodes.append(NodeFault("drained", found[1], seconds(found[2])))
        elif found := _IMAGE.fullmatch(said):
            images.append(found[1])
        else:
            raise RehearsalError(
                f'"{text}" is no fault known here. Known are: "5% of pods never become ready", "2 pods take 90s to become '
                'ready", "10% of pods crash after 20s", "node NAME dies at 2m and comes back at 5m", '
                '"node NAME is drained at 30s", "image NAME is missing"'
            )
    return Faults(tuple(pods), tuple(nodes), tuple(images), tuple(texts))


def _pod_fault(said: str, found: re.Match[str]) -> PodFault:
    percent, number, never, slow, crash = found.groups()
    share, count = float(percent or 0) / 100, int(number or 0)
    if share > 1:
        raise RehearsalError(f'"{said}": more than 100 %')
    if never:
        return PodFault("never-ready", share, count)
    if slow:
        return PodFault("slow", share, count, seconds(slow))
    return PodFault("crash", share, count, seconds(crash) if crash else 0.0)


def seconds(text: str) -> float:
    """`90s`, `1m30s`, or a number of seconds. Raises RehearsalError."""
    try:
        return float(text)
    except ValueError:
        parts = _PART.findall(text)
        if not parts or "".join(a + b for a, b in parts) != text:
            raise RehearsalError(f'"{text}" is no length of time such as 90s or 1m30s') from None
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
