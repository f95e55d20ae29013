"""What is checked between steps, and what a measurement says: pure.

Called by `measuring`. A check is one line of words, as in the annotation `wherry.dev/rollout-checks` (a check a line) and in `--check`:

    name=smoke http=http://web/health latency=500ms count=5 every=2s
    name=errors prometheus=http://prom:9090 query='sum(rate(errors[1m]))' below=0.05
    name=pods restarts=0 ready=100%
    name=login command='./smoke.sh'

A check measures `count` times. It fails when more than `failures` measurements failed, and at once; it is unclear when more than `unclear`
gave no answer; otherwise it is good. Of several checks one that fails fails the step, and else one that is unclear makes it unclear.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from wherry.kit.durations import seconds
from wherry.rollout.errors import RolloutError
from wherry.rollout.guard import Query, ratio

Kind = Literal["http", "prometheus", "command", "pods"]
Result = Literal["good", "bad", "unclear"]


class BadCheck(RolloutError):
    """A check cannot be read."""


@dataclass(frozen=True, slots=True)
class Check:
    """`latency`, `every`, `timeout`: seconds. `below`, `above`: bounds of every value of a query; without one no value may come back.

    `restarts`: at most, of the new pods' containers; `ready`: the least share of the new pods.
    """

    name: str = ""
    http: str = ""
    prometheus: str = ""
    command: tuple[str, ...] = ()
    query: str = ""
    status: tuple[int, int] = (200, 399)
    latency: float | None = None
    below: float | None = None
    above: float | None = None
    restarts: int | None = None
    ready: float | None = None
    count: int = 3
    every: float = 5.0
    failures: int = 0
    unclear: int = 2
    timeout: float = 30.0

    @property
    def kind(self) -> Kind:
        return "http" if self.http else "prometheus" if self.prometheus else "command" if self.command else "pods"

    @property
    def shown(self) -> str:
        return self.name or self.http or self.query or " ".join(self.command) or "pods"

    @property
    def url(self) -> str:
        """Of what is fetched."""
        return self.http or Query(self.prometheus, self.query).url


@dataclass(frozen=True, slots=True)
class Measured:
    result: Result
    why: str = ""


def parse(text: str) -> tuple[Check, ...]:
    """The checks of an annotation. Raises BadCheck."""
    found = tuple(one(line) for line in text.splitlines() if line.strip())
    named = [check.name for check in found if check.name]
    if len(set(named)) < len(named):
        raise BadCheck(f"two checks have the name {max(named, key=named.count)}")
    return found


def one(line: str) -> Check:
    """Raises BadCheck."""
    found = Check()
    try:
        for word in shlex.split(line):
            name, equals, value = word.lstrip("-").partition("=")
            if not equals or name not in _READERS:
                raise ValueError(f'"{word}" is none of {", ".join(f"{each}=" for each in _READERS)}')
            said: dict[str, Any] = {name: _READERS[name](value)}
            found = replace(found, **said)
        return _sensible(found)
    except ValueError as error:
        raise BadCheck(f"check {line!r}: {error}") from None


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError(f"{text} must be an http or https URL")
    return text


def _statuses(text: str) -> tuple[int, int]:
    least, dash, most = text.partition("-")
    return (int(least), int(most)) if dash else (int(least), int(least))


_READERS: dict[str, Callable[[str], Any]] = {
    "name": str, "http": _url, "status": _statuses, "latency": seconds, "prometheus": _url, "query": str, "below": float, "above": float,
    "command": lambda text: tuple(shlex.split(text)), "restarts": int, "ready": ratio, "count": int, "every": seconds, "failures": int,
    "unclear": int, "timeout": seconds}


def _sensible(found: Check) -> Check:
    kinds = [bool(found.http), bool(found.prometheus), bool(found.command), found.restarts is not None or found.ready is not None]
    if sum(kinds) != 1:
        raise ValueError("it must have exactly one of http=, prometheus=, command=, or restarts= and ready=")
    if bool(found.prometheus) != bool(found.query):
        raise ValueError("prometheus= and query= go together")
    if found.count < 1 or found.every <= 0 or found.failures < 0 or found.unclear < 0 or found.timeout <= 0:
        raise ValueError("count, every and timeout must be more than 0, failures and unclear not less")
    return found


def chosen(checks: Iterable[Check], names: tuple[str, ...]) -> tuple[Check, ...]:
    """Those that a step names; all for a step that names none. Raises BadCheck."""
    there = tuple(checks)
    if not there:
        raise BadCheck("has a check among its steps, and there are none: give them with --check, or with the annotation "
                       "wherry.dev/rollout-checks")
    by_name = {check.name: check for check in there}
    for name in names:
        if name not in by_name:
            raise BadCheck(f'there is no check "{name}": there are {", ".join(filter(None, by_name)) or "none with a name"}')
    return tuple(by_name[name] for name in names) if names else there


# --- what an answer says ---
def of_http(check: Check, status: int, body: str, took: float) -> Measured:
    """A server that does not answer fails, as a kubelet judges."""
    if not status:
        return Measured("bad", body)
    if not check.status[0] <= status <= check.status[1]:
        return Measured("bad", f"HTTP status {status}")
    if check.latency is not None and took > check.latency:
        return Measured("bad", f"answered in {took * 1000:.0f} ms, {check.latency * 1000:g} ms allowed")
    return Measured("good")


def of_query(check: Check, status: int, body: str) -> Measured:
    """A Prometheus that does not answer, has no sample, or says NaN, says nothing."""
    if status != 200:
        return Measured("unclear", _refusal(body) or f"no answer from Prometheus (HTTP status {status})")
    try:
        values = _values(json.loads(body)["data"])
    except (ValueError, KeyError, TypeError, IndexError):
        return Measured("unclear", "what Prometheus answered cannot be read")
    if check.below is None and check.above is None:
        return Measured("bad", f"gives {_listed(values)}") if values else Measured("good")
    if not values or any(math.isnan(value) for value in values):
        return Measured("unclear", "the query gives no value" if not values else "the query gives NaN")
    if check.below is not None and max(values) >= check.below:
        return Measured("bad", f"is {max(values):g}, must be below {check.below:g}")
    if check.above is not None and min(values) <= check.above:
        return Measured("bad", f"is {min(values):g}, must be above {check.above:g}")
    return Measured("good")


def _values(data: Any) -> list[float]:
    if data["resultType"] in ("scalar", "string"):
        return [float(data["result"][1])]
    return [float((sample.get("value") or sample["values"][-1])[1]) for sample in data["result"]]


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:g}" for value in values[:3]) + (", ..." if len(values) > 3 else "")


def _refusal(body: str) -> str:
    """Prometheus's own words, or why nobody answered."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body if len(body) < 200 and "<" not in body else ""


def of_command(code: int | None, last: str) -> Measured:
    """`code` None: it could not be run, or not to its end."""
    if code is None:
        return Measured("unclear", last)
    return Measured("good") if code == 0 else Measured("bad", f"exit status {code}" + (f": {last}" if last else ""))


def of_pods(check: Check, restarts: int, ready: int, there: int) -> Measured:
    if check.restarts is not None and restarts > check.restarts:
        return Measured("bad", f"{restarts} restarts of new pods, {check.restarts} allowed")
    if check.ready is not None and ready < check.ready * there:
        return Measured("bad", f"{ready} of {there} new pods ready, at least {check.ready:.0%} wanted")
    return Measured("good")


@dataclass(slots=True)
class Tally:
    """The measurements of one check so far."""

    check: Check
    done: int = 0
    failed: int = 0
    silent: int = 0

    def add(self, measured: Measured) -> Measured | None:
        """What the check says; None while it must be measured again."""
        self.done += measured.result != "unclear"
        self.failed += measured.result == "bad"
        self.silent += measured.result == "unclear"
        if self.failed > self.check.failures:
            times = f", {self.failed} of {self.done} measurements" if self.done > 1 else ""
            return Measured("bad", f"check {self.check.shown}: {measured.why}{times}")
        if self.silent > self.check.unclear:
            return Measured("unclear", f"check {self.check.shown}: {measured.why}")
        return Measured("good") if self.done >= self.check.count else None
