"""Cells that many kinds share: ages, label lists, selectors, containers; and reading optional parts of an object.

Used by the printers of this package. Every function takes parts that may be missing (None), as the reference's zero values.
Source: pkg/printers/internalversion/printers.go, metav1.FormatLabelSelector, labels.FormatLabels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wherry.api import timestamps
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.rules.objects import selectors
from wherry.rules.texts import age as duration

NONE = "<none>"
UNSET = "<unset>"
UNKNOWN = "<unknown>"

_EMPTY: Obj = {}


def spec(obj: Mapping[str, Any]) -> Obj:
    return obj.get("spec") or _EMPTY


def status(obj: Mapping[str, Any]) -> Obj:
    return obj.get("status") or _EMPTY


def part(obj: Mapping[str, Any], *path: str) -> Obj:
    """The object at a path of fields, empty when one is missing."""
    here: Any = obj
    for key in path:
        here = here.get(key) or _EMPTY
    return here  # type: ignore[no-any-return]


def name(obj: Mapping[str, Any]) -> str:
    return part(obj, "metadata").get("name", "")  # type: ignore[no-any-return]


def notes(obj: Mapping[str, Any]) -> dict[str, str]:
    """Annotations."""
    return part(obj, "metadata", "annotations")


def since(moment: str | None, now: float) -> str:
    """The time since a timestamp; `<unknown>` when there is none."""
    return duration.human(now - timestamps.parse(moment)) if moment else UNKNOWN


def age(obj: Mapping[str, Any], now: float) -> str:
    return since(part(obj, "metadata").get("creationTimestamp"), now)


def labels_text(labels: Mapping[str, str] | None) -> str:
    """`a=b,c=d` in order of keys."""
    return ",".join(f"{k}={v}" for k, v in sorted(labels.items())) if labels else NONE


def selector_text(selector: Obj | None, *, empty: str = NONE, bad: str = "<error>") -> str:
    """A LabelSelector in the query's syntax. A missing selector matches nothing and reads as an empty one."""
    if not selector:
        return empty
    try:
        return str(selectors.from_label_selector(selector)) or empty
    except StatusError:
        return bad


def containers(pod_spec: Mapping[str, Any]) -> tuple[str, str]:
    """Names and images, each joined with commas."""
    listed: Sequence[Obj] = pod_spec.get("containers") or ()
    return ",".join(c.get("name", "") for c in listed), ",".join(c.get("image", "") for c in listed)


def template_spec(obj: Mapping[str, Any]) -> Obj:
    """`.spec.template.spec`."""
    return part(obj, "spec", "template", "spec")


def limited(items: Iterable[str], limit: int = 3) -> str:
    """The first few, joined, and how many more there are."""
    listed = list(items)
    shown = ",".join(listed[:limit])
    return f"{shown} + {len(listed) - limit} more..." if len(listed) > limit else shown


def true_condition(obj: Mapping[str, Any], type_: str) -> bool:
    """Whether the first condition of that type is True."""
    for condition in status(obj).get("conditions") or ():
        if condition.get("type") == type_:
            return condition.get("status") == "True"  # type: ignore[no-any-return]
    return False
