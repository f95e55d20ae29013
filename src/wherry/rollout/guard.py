"""Under which conditions a guarded rollout is undone, and when they are met: pure, with what was seen so far as its only state.

Called by `guarding`. What is certain counts at once: the deadline, too many restarts, a cause that waiting will not mend. What may be a
passing trouble counts after some failures in a row: too few ready pods, a failing probe, a query that fires. The ready ratio is judged only
after it was reached once, so that the first rollout of all is not failed for not having begun. A query is written as a Prometheus alert: it
fires when it gives any result (a scalar: when that is not 0). A Prometheus that does not answer says nothing, and the outcome says so;
with `require_answers` silence counts as a failure.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from wherry.kit.durations import seconds
from wherry.rollout.errors import RolloutError
from wherry.rollout.snapshot import Snapshot

#: on a workload: its conditions, such as `max-restarts=3 ready-ratio=0.8 probe=http://web/health`; empty or `true`: the deadline alone
GUARD = "wherry.dev/guard"
#: on a workload that a guard has undone: the hash of the template it went back to, which is not guarded again
RESTORED = "wherry.dev/guard-restored"
_TRUE, _FALSE = ("", "true"), ("false",)


class BadGuard(RolloutError):
    """The conditions cannot be read."""


@dataclass(frozen=True, slots=True)
class Query:
    """`server`: where a Prometheus answers; `text`: the expression that must give nothing."""

    server: str
    text: str

    @property
    def url(self) -> str:
        return f"{self.server.rstrip('/')}/api/v1/query?query={quote(self.text, safe='')}"


@dataclass(frozen=True, slots=True)
class Conditions:
    """`interval`: seconds between two looks at ratio, probes and queries; `failures`: in a row; `settle`: seconds watched after the end."""

    on_deadline: bool = True
    on_stuck: bool = False
    max_restarts: int | None = None
    ready_ratio: float | None = None
    probes: tuple[str, ...] = ()
    queries: tuple[Query, ...] = ()
    interval: float = 5.0
    failures: int = 3
    settle: float = 0.0
    require_answers: bool = False


def query(text: str) -> Query:
    """`http://prometheus:9090 rate(errors_total[1m]) > 5`. Raises BadGuard."""
    server, _, expression = text.strip().partition(" ")
    if not server.startswith(("http://", "https://")) or not expression.strip():
        raise BadGuard(f'query "{text}" must have the form "URL EXPRESSION", such as "http://prometheus:9090 up == 0"')
    return Query(server, expression.strip())


def parse(text: str) -> Conditions:
    """The conditions of an annotation. Raises BadGuard."""
    found = Conditions()
    if text.strip().lower() in _TRUE:
        return found
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadGuard(f"guard conditions {text!r}: {error}") from None
    for word in words:
        name, equals, value = word.lstrip("-").partition("=")
        try:
            found = _with(found, name, value if equals else "true")
        except ValueError as error:
            raise BadGuard(f"guard condition {word!r}: {error}") from None
    return checked(found)


def _with(found: Conditions, name: str, value: str) -> Conditions:
    if name in ("on-deadline", "on-stuck", "require-answers"):
        if value.lower() not in (*_TRUE, *_FALSE):
            raise ValueError("must be true or false")
        said: dict[str, Any] = {name.replace("-", "_"): value.lower() in _TRUE}
        return replace(found, **said)
    if name == "probe":
        return replace(found, probes=(*found.probes, value))
    if name == "query":
        return replace(found, queries=(*found.queries, query(value)))
    readers: dict[str, Callable[[str], Any]] = {"max-restarts": int, "ready-ratio": ratio, "failures": int, "interval": seconds,
                                                "settle": seconds}
    if name not in readers:
        raise ValueError("no such condition")
    return replace(found, **{name.replace("-", "_"): readers[name](value)})


def ratio(text: str) -> float:
    """`0.8` or `80%`. Raises ValueError."""
    try:
        found = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError("must be a number such as 0.8, or a percentage such as 80%") from None
    if not 0 <= found <= 1:
        raise ValueError("must be between 0 and 1")
    return found


def checked(found: Conditions) -> Conditions:
    """The same. Raises BadGuard when it makes no sense."""
    if found.max_restarts is not None and found.max_restarts < 0:
        raise BadGuard("max-restarts must not be negative")
    if found.failures < 1 or found.interval <= 0 or found.settle < 0:
        raise BadGuard("failures and interval must be more than 0, settle not less")
    for url in found.probes:
        if not url.startswith(("http://", "https://")):
            raise BadGuard(f'probe "{url}" must be an http or https URL')
    return found


@dataclass(slots=True)
class Judge:
    """Keeps what failed in a row; one for each rollout."""

    conditions: Conditions
    _failed: dict[str, int] = field(default_factory=dict)
    _armed: bool = False

    def at_once(self, seen: Snapshot) -> str:
        """Why to undo now; "" for no reason."""
        asked = self.conditions
        if asked.on_deadline and seen.failed:
            return seen.failed
        final = [cause for cause in seen.causes if cause.final]
        if asked.on_stuck and final:
            return str(final[0])
        restarts = seen.newest.restarts if seen.newest is not None else 0
        if asked.max_restarts is not None and restarts > asked.max_restarts:
            return f"{restarts} restarts, {asked.max_restarts} allowed"
        return ""

    def at_interval(self, seen: Snapshot, outside: Sequence[tuple[str, str]]) -> str:
        """The same for what needs several failures. `outside`: (probe or query, why it failed or "")."""
        found = [*self._ratio(seen), *outside]
        for name, trouble in found:
            self._failed[name] = self._failed.get(name, 0) + 1 if trouble else 0
            if self._failed[name] >= self.conditions.failures:
                times = f", {self._failed[name]} times in a row" if self._failed[name] > 1 else ""
                return f"{name}: {trouble}{times}"
        return ""

    def _ratio(self, seen: Snapshot) -> list[tuple[str, str]]:
        least = self.conditions.ready_ratio
        if least is None or seen.wanted <= 0:
            return []
        enough = seen.ready >= least * seen.wanted
        self._armed = self._armed or enough
        return [("ready pods", "" if enough or not self._armed else f"{seen.ready} of {seen.wanted}, at least {least:.0%} wanted")]


def probe_trouble(status: int, body: str) -> str:
    """Why a probe failed, as a kubelet judges: 200 to 399 is well."""
    if 200 <= status < 400:
        return ""
    return f"HTTP status {status}" if status else body


def query_trouble(status: int, body: str) -> str | None:
    """What a query found; "" for nothing, None when there was no usable answer."""
    if status != 200:
        return None
    try:
        data = json.loads(body)["data"]
        kind, result = data["resultType"], data["result"]
    except (ValueError, KeyError, TypeError):
        return None
    if kind == "scalar":
        return "" if float(result[1]) == 0 else f"is {result[1]}"
    if not result:
        return ""
    values = [str((sample.get("value") or (sample.get("values") or [["", ""]])[-1])[1]) for sample in result if isinstance(sample, dict)]
    return f"gives {', '.join(values[:3])}" + (", ..." if len(values) > 3 else "")
