"""Events: leniently through v1, strictly through events.k8s.io/v1, which looks at the same stored objects.

Called by the strategies of both groups with objects in the form of v1, whatever the request's form was.
Source: pkg/apis/core/validation/events.go (KEP-383, the new events API).
"""

from __future__ import annotations

from wherry.api.field import Errors, invalid, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_subdomain, length, qualified_name
from wherry.rules.schema.validation.metadata import IMMUTABLE

_FIXED = ("involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "reason", "type", "eventTime",
          "action", "related", "reportingComponent", "reportingInstance")
_TEXTS = ("reason", "message", "type", "action", "reportingComponent", "reportingInstance")
_NO_MATCH = "does not match event.namespace"


def validate_event(obj: Obj) -> Errors:
    """What every event must be, written through v1."""
    return _legacy(obj, "reportingComponent")


def validate_new_event(obj: Obj) -> Errors:
    """What an event written through events.k8s.io/v1 must be."""
    errors = _legacy(obj, "reportingController") + _series(obj)
    if not obj.get("eventTime"):
        errors.append(required("eventTime"))
    if obj.get("type") not in ("Normal", "Warning"):
        errors.append(invalid("type", "", f"has invalid value: {obj.get('type', '')}"))
    source = obj.get("source") or {}
    set_fields = (("firstTimestamp", obj.get("firstTimestamp")), ("lastTimestamp", obj.get("lastTimestamp")), ("count", obj.get("count")),
                  ("source", source.get("component") or source.get("host")))
    return errors + [invalid(name, "", "needs to be unset") for name, value in set_fields if value]


def validate_new_event_update(new: Obj, old: Obj) -> Errors:
    """Only the series of an event may change through events.k8s.io/v1."""
    errors = _legacy(new, "reportingController")
    if (new.get("series") or None) != (old.get("series") or None):
        errors += _series(new)
    for name in _FIXED:
        if (new.get(name) or None) != (old.get(name) or None):
            shown = "reportingController" if name == "reportingComponent" else name
            value = new.get(name)
            errors.append(invalid(shown, "" if value is None and name in _TEXTS else value, IMMUTABLE))
    return errors


def validate_event_update(new: Obj, old: Obj) -> Errors:
    return _legacy(new, "reportingComponent")


def _series(obj: Obj) -> Errors:
    series = obj.get("series")
    if series is None:
        return []
    errors: Errors = [invalid("series.count", "", "should be at least 2")] if series.get("count", 0) < 2 else []
    return errors if series.get("lastObservedTime") else [*errors, required("series.lastObservedTime")]


def _legacy(obj: Obj, controller: str) -> Errors:
    namespace = obj["metadata"].get("namespace", "")
    about = (obj.get("involvedObject") or {}).get("namespace", "")
    path = "involvedObject.namespace"
    errors: Errors = []
    if obj.get("eventTime"):
        if not about and namespace not in ("default", "kube-system"):
            errors.append(invalid(path, about, _NO_MATCH))
        errors += _reporter(obj, controller)
    elif namespace != about and not (not about and namespace in ("", "default")):
        errors.append(invalid(path, about, _NO_MATCH))
    return errors + [invalid("namespace", namespace, m) for m in dns1123_subdomain(namespace)]


def _reporter(obj: Obj, controller: str) -> Errors:
    reporter = obj.get("reportingComponent") or ""
    errors: Errors = [] if reporter else [required(controller)]
    errors += [invalid(controller, reporter, m) for m in qualified_name(reporter)]
    for name, limit in (("reportingInstance", 128), ("action", 128), ("reason", 128), ("message", 1024)):
        value = obj.get(name) or ""
        if not value and name != "message":
            errors.append(required(name))
        if length(value) > limit:
            errors.append(invalid(name, "", f"can have at most {limit} characters"))
    return errors
