"""Strategies of Events, in v1 and in events.k8s.io/v1; both work on the stored form, v1.

Read by the registry through `STRATEGIES`; the one of the request's group applies. A draft that is still in the form of
events.k8s.io/v1 is understood by `fields` only.
Source: pkg/registry/core/event/strategy.go, pkg/apis/{core,events}/v1/conversion.go (which fields can be selected).
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.objects import Obj
from wherry.rules.objects.strategy import Strategy
from wherry.rules.schema.validation import event

_REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


def default_event(draft: Obj) -> None:
    """Fields that are there even when empty."""
    for name in ("involvedObject", "source"):
        if draft.get(name) is None:
            draft[name] = {}
    for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
        draft.setdefault(name, None)
    for name in ("reportingComponent", "reportingInstance"):
        draft.setdefault(name, "")


def _about(name: str) -> Callable[[Obj], str]:
    def read(obj: Obj) -> str:
        return str((obj.get("involvedObject") or obj.get("regarding") or {}).get(name, ""))

    return read


def _controller(obj: Obj) -> str:
    return obj.get("reportingComponent") or obj.get("reportingController") or ""


def _source(obj: Obj) -> str:
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    return source.get("component") or _controller(obj)


_SHARED: dict[str, Callable[[Obj], str]] = {"reason": lambda o: o.get("reason", ""), "type": lambda o: o.get("type", "")}

STRATEGIES: dict[str, Strategy] = {
    "Event": Strategy(
        default=default_event,
        validate=event.validate_event,
        validate_update=event.validate_event_update,
        metadata="none",
        create_on_update=True,
        fields={
            **{f"involvedObject.{name}": _about(name) for name in _REFERENCE},
            **_SHARED,
            "reportingComponent": _controller,
            "source": _source,
        },
    ),
    "Event.events.k8s.io": Strategy(
        default=default_event,
        validate=event.validate_new_event,
        validate_update=event.validate_new_event_update,
        create_on_update=True,
        fields={**{f"regarding.{name}": _about(name) for name in _REFERENCE}, **_SHARED, "reportingController": _controller},
    ),
}
