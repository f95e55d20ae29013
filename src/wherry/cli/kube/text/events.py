"""Events as rows of text.

Source: kubectl pkg/cmd/events (event_printer.go, events.go SortableEvents).
"""

from __future__ import annotations

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.cli.kube.text.values import escaped
from wherry.rules.texts.age import human


def header(namespaces: bool) -> str:
    return ("NAMESPACE\t" if namespaces else "") + "LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n"


def row(event: Obj, now: float, namespaces: bool) -> str:
    about = event.get("involvedObject") or {}
    cells = [_interval(event, now), event.get("type", ""), event.get("reason", ""), f"{about.get('kind', '')}/{about.get('name', '')}",
             str(event.get("message", "")).strip()]
    return "\t".join(([event["metadata"].get("namespace", "")] if namespaces else []) + [escaped(str(c)) for c in cells]) + "\n"


def _interval(event: Obj, now: float) -> str:
    first = _since(event.get("eventTime") or event.get("firstTimestamp"), now)
    series = event.get("series")
    if series:
        return f"{_since(series.get('lastObservedTime'), now)} (x{series.get('count', 0)} over {first})"
    if event.get("count", 0) > 1:
        return f"{_since(event.get('lastTimestamp'), now)} (x{event['count']} over {first})"
    return first


def _since(moment: str | None, now: float) -> str:
    return human(now - timestamps.parse(moment)) if moment else "<unknown>"


def when(event: Obj) -> float:
    """The last time it was seen."""
    moment = (event.get("series") or {}).get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return timestamps.parse(moment) if moment else 0.0


def ordered(events: list[Obj]) -> list[Obj]:
    return sorted(events, key=when)
