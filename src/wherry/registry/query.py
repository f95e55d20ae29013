"""Options of lists and watches, checked and compiled: resourceVersion rules, label and field selectors.

Source: k8s.io/apimachinery/pkg/apis/meta/internalversion/validation, k8s.io/apiserver/pkg/storage/selection_predicate.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api import field
from wherry.api.errors import BadRequest, Invalid, StatusError, Timeout, invalid
from wherry.api.objects import Obj
from wherry.api.options import ListOptions, WatchOptions
from wherry.rules import field_selectors, selectors
from wherry.rules.strategy import Strategy

Match = Callable[[Obj], bool]


def parse_version(text: str, *, code: int = 400) -> int:
    """A resourceVersion as a number, 0 for "" and "0". Raises BadRequest (or 500 for watches, as the reference does)."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        detail = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        if code == 500:
            raise StatusError(detail, code=500)
        raise BadRequest(f"invalid resource version: {detail}")
    return int(text)


def _bad_options(path: str, detail: str) -> Invalid:
    return invalid("ListOptions.meta.k8s.io", "", [field.forbidden(path, detail)])


def check_list(options: ListOptions) -> None:
    """Raises Invalid for combinations that make no sense."""
    match, version = options.resource_version_match, options.resource_version
    if not match:
        return
    if not version:
        raise _bad_options("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided")
    if options.continue_token:
        raise _bad_options("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
    if match not in ("Exact", "NotOlderThan"):
        raise invalid("ListOptions.meta.k8s.io", "", [field.not_supported("resourceVersionMatch", match, ("Exact", "NotOlderThan", ""))])
    if match == "Exact" and version == "0":
        raise _bad_options("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')


def check_watch(options: WatchOptions) -> None:
    """Raises Invalid for combinations that make no sense (KEP-3157 for sendInitialEvents)."""
    match = options.resource_version_match
    if options.send_initial_events is None:
        if match:
            raise _bad_options("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
        return
    if match != "NotOlderThan":
        raise _bad_options("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")


def too_large_version(version: int, current: int) -> Timeout:
    details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1}
    return Timeout(f"Timeout: Too large resource version: {version}, current: {current}", details)


def matcher(label_selector: str, field_selector: str, strategy: Strategy) -> Match | None:
    """One test for both selectors, None when everything matches. Raises BadRequest for selectors that are wrong or not supported."""
    labels = selectors.parse(label_selector) if label_selector else None
    fields = field_selectors.parse(field_selector) if field_selector else None
    if fields is not None:
        field_selectors.check(fields, ("metadata.name", "metadata.namespace", *strategy.fields), custom=strategy.custom)
    if labels is not None and fields is not None:
        by_label, by_field = _labels(labels), _fields(fields, strategy)
        return lambda obj: by_label(obj) and by_field(obj)
    if labels is not None:
        return _labels(labels)
    return _fields(fields, strategy) if fields is not None else None


def _labels(selector: selectors.Selector) -> Match:
    return lambda obj: selector.matches(obj["metadata"].get("labels") or {})


def _fields(selector: field_selectors.FieldSelector, strategy: Strategy) -> Match:
    known: dict[str, Callable[[Obj], str]] = {
        "metadata.name": lambda obj: obj["metadata"]["name"],
        "metadata.namespace": lambda obj: obj["metadata"].get("namespace", ""),
        **strategy.fields,
    }
    return lambda obj: selector.matches(lambda path: known[path](obj))
