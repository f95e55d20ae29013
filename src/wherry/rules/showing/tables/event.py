"""Rows of events, of both groups: events.k8s.io has the same objects under other field names. Called through `tables.row`.

Source: pkg/printers/internalversion/printers.go printEvent, pkg/apis/events/v1/conversion.go.
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import name, part, since
from wherry.rules.showing.tables.column import META, Column, Doc, Printer, doc, text, wide

_EVENT = "core.v1.Event"


def _target(about: Obj) -> str:
    kind = about.get("kind", "").lower()
    return f"{kind}/{about['name']}" if about.get("name") else kind


def _source(source: Obj, controller: str, instance: str) -> str:
    component, host = source.get("component") or controller, source.get("host") or instance
    return f"{component}, {host}" if host else component


def _row(event: Obj, now: float, about: Obj, source: Obj, seen: tuple[str, str, int], message: str) -> list[Any]:
    """`seen`: first time, last time, count."""
    first = since(seen[0] or event.get("eventTime"), now)
    last = since(seen[1], now) if seen[1] else first
    series, count = event.get("series"), seen[2] or 1
    if series is not None:
        last, count = since(series.get("lastObservedTime"), now), series.get("count", 0)
    controller = event.get("reportingController") or event.get("reportingComponent") or ""
    return [last, event.get("type", ""), event.get("reason", ""), _target(about), about.get("fieldPath", ""),
            _source(source, controller, event.get("reportingInstance") or ""),
            message.strip(), first, count, name(event)]  # fmt: skip


def _core(event: Obj, now: float) -> list[Any]:
    seen = event.get("firstTimestamp") or "", event.get("lastTimestamp") or "", event.get("count") or 0
    return _row(event, now, part(event, "involvedObject"), part(event, "source"), seen, event.get("message") or "")


def _events(event: Obj, now: float) -> list[Any]:
    seen = event.get("deprecatedFirstTimestamp") or "", event.get("deprecatedLastTimestamp") or "", event.get("deprecatedCount") or 0
    return _row(event, now, part(event, "regarding"), part(event, "deprecatedSource"), seen, event.get("note") or "")


_COLUMNS = (
    text("Last Seen", doc(_EVENT, "lastTimestamp")),
    text("Type", doc(_EVENT, "type")),
    text("Reason", doc(_EVENT, "reason")),
    text("Object", doc(_EVENT, "involvedObject")),
    wide("Subobject", doc("core.v1.ObjectReference", "fieldPath")),
    wide("Source", doc(_EVENT, "source")),
    text("Message", doc(_EVENT, "message")),
    wide("First Seen", doc(_EVENT, "firstTimestamp")),
    wide("Count", doc(_EVENT, "count")),
    Column("Name", "string", Doc(META, "name"), "name", 1),
)
PRINTERS = {"Event": Printer(_COLUMNS, _core), "Event.events.k8s.io": Printer(_COLUMNS, _events)}
