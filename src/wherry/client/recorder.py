"""The event recorder of a component: turns "this happened to that object" into Event objects, without ever holding its caller up.

Equal events become one with a count, many similar ones one "(combined from similar events)", and a source that says too much about one
object is held back, as client-go's tools/record does (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from wherry.api import timestamps
from wherry.api.errors import AlreadyExists, NotFound, StatusError
from wherry.api.objects import Obj, name, namespace, reference
from wherry.api.options import STRATEGIC_PATCH
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.kit import eager
from wherry.kit.clock import Clock

log = logging.getLogger(__name__)

EVENTS = resource("events")
#: per source and object: this many at once, then one every REFILL seconds
BURST = 25
REFILL = 300.0
#: from this many different messages of one reason within WINDOW seconds on they are combined
SIMILAR = 10
WINDOW = 600.0
#: how many different events and objects are remembered
REMEMBERED = 4096
NO_ACTIONS: Mapping[str, str] = {}
COMBINED = "(combined from similar events): "


@dataclass(slots=True)
class _Seen:
    name: str
    namespace: str
    count: int


@dataclass(slots=True)
class _Budget:
    tokens: float
    at: float
    messages: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    since: float = 0.0


class Recorder:
    """`component` is the source (deployment-controller, ...); `host` the node a kubelet speaks for.

    `actions`: by reason, for a component that records in the form of events.k8s.io, as the scheduler does: no source and no count, but the
    time to the microsecond and a series.
    """

    def __init__(self, client: Client, clock: Clock, component: str, host: str = "", actions: Mapping[str, str] = NO_ACTIONS) -> None:
        self._actions = actions
        self._client = client
        self._clock = clock
        self._component = component
        self._host = host
        self._queue: deque[tuple[Obj, str, str, str, str, int]] = deque()
        self._wake = asyncio.Event()
        self._seen: OrderedDict[tuple[str, ...], _Seen] = OrderedDict()
        self._budgets: OrderedDict[tuple[str, str], _Budget] = OrderedDict()
        self.dropped = 0

    @property
    def idle(self) -> bool:
        return not self._queue

    def moment(self) -> int:
        """Now, as `event` takes it: for what is recorded later but comes before what happens from now on."""
        return self._clock.moment()

    def event(self, about: Obj, type_: str, reason: str, message: str, *, host: str = "", moment: int | None = None) -> None:
        """Record later; `about` is a full object or an ObjectReference. Never raises, never waits.

        An event's time and name are of when it happened and not of when it is written, so that a list has them in order.
        """
        ref = about if "metadata" not in about else reference(about)
        host = host or self._host
        now = self._clock.now()
        budget = self._budget(ref, host, now)
        combined = self._combine(budget, type_, reason, message, now)
        if not self._spend(budget, now):
            self.dropped += 1
            return
        self._queue.append((ref, type_, reason, combined, host, self._clock.moment() if moment is None else moment))
        self._wake.set()

    async def run(self) -> None:
        """Write what was recorded until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), 64))]
                for entry, outcome in zip(batch, await eager.gather([self._write(*entry) for entry in batch]), strict=True):
                    if isinstance(outcome, BaseException):
                        # a fault of ours: whoever recorded must not end by it, and the next event may be another
                        log.error("event %s about %s not recorded", entry[2], entry[0].get("name"), exc_info=outcome)

    def _budget(self, ref: Obj, host: str, now: float) -> _Budget:
        at = (ref.get("uid") or f"{ref.get('kind')}/{ref.get('namespace', '')}/{ref['name']}", host)
        budget = self._budgets.get(at)
        if budget is None:
            budget = self._budgets[at] = _Budget(BURST, now, since=now)
            if len(self._budgets) > REMEMBERED:
                self._budgets.popitem(last=False)
        return budget

    def _combine(self, budget: _Budget, type_: str, reason: str, message: str, now: float) -> str:
        if now - budget.since > WINDOW:
            budget.messages.clear()
            budget.since = now
        messages = budget.messages.setdefault((type_, reason), set())
        if message in messages:
            return message
        if len(messages) >= SIMILAR - 1:
            return COMBINED + message
        messages.add(message)
        return message

    def _spend(self, budget: _Budget, now: float) -> bool:
        budget.tokens = min(BURST, budget.tokens + (now - budget.at) / REFILL)
        budget.at = now
        if budget.tokens < 1:
            return False
        budget.tokens -= 1
        return True

    async def _write(self, ref: Obj, type_: str, reason: str, message: str, host: str, moment: int) -> None:
        at = (
            ref.get("uid", ""),
            ref["name"],
            ref.get("fieldPath", ""),
            type_,
            reason,
            COMBINED if message.startswith(COMBINED) else message,
            host,
        )
        try:
            seen = self._seen.get(at)
            if seen is not None and await self._repeat(seen, moment, message):
                return
            await self._first(at, ref, type_, reason, message, host, moment)
        except (StatusError, OSError) as error:
            # the namespace may be on its way out, or the server: an event is never worth more than a line
            log.debug("event %s about %s not recorded: %s", reason, ref.get("name"), error)

    async def _repeat(self, seen: _Seen, moment: int, message: str) -> bool:
        seen.count += 1
        try:
            patch: Obj = {"count": seen.count, "lastTimestamp": timestamps.time(moment / 1e9), "message": message}
            if self._actions:
                patch = {"series": {"count": seen.count, "lastObservedTime": timestamps.micro_time(moment / 1e9)}}
            await self._client.patch(EVENTS, seen.namespace, seen.name, patch, STRATEGIC_PATCH)
        except NotFound:
            return False
        return True

    async def _first(self, at: tuple[str, ...], ref: Obj, type_: str, reason: str, message: str, host: str, moment: int) -> None:
        where = ref.get("namespace") or "default"
        if self._actions:
            event = self._as_series(ref, type_, reason, message, moment)
        else:
            event = self._plain(ref, type_, reason, message, host, moment)
        event["metadata"] = {"name": f"{ref['name']}.{moment:x}", "namespace": where}
        try:
            written = await self._client.create(EVENTS, where, event)
        except AlreadyExists:
            # another component recorded about the same object at the same instant
            event["metadata"] = {"name": f"{ref['name']}.{self._clock.moment():x}", "namespace": where}
            written = await self._client.create(EVENTS, where, event)
        self._seen[at] = _Seen(name(written), namespace(written), 1)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def _plain(self, ref: Obj, type_: str, reason: str, message: str, host: str, moment: int) -> Obj:
        now = timestamps.time(moment / 1e9)
        source = {"component": self._component, "host": host} if host else {"component": self._component}
        return {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {},
            "involvedObject": ref,
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": type_,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": host,
        }

    def _as_series(self, ref: Obj, type_: str, reason: str, message: str, moment: int) -> Obj:
        return {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {},
            "involvedObject": ref,
            "reason": reason,
            "message": message,
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "type": type_,
            "eventTime": timestamps.micro_time(moment / 1e9),
            "action": self._actions.get(reason, reason),
            "reportingComponent": self._component,
            "reportingInstance": f"{self._component}-wherry",
        }
