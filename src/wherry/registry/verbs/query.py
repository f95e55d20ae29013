"""Options of lists and watches, checked and compiled: resourceVersion rules, label and field selectors.

Source: k8s.io/apimachinery/pkg/apis/meta/internalversion/validation, k8s.io/apiserver/pkg/storage/selection_predicate.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api import field
from wherry.api.errors import BadRequest, StatusError, Timeout, invalid
from wherry.api.objects import Obj
from wherry.api.options import ListOptions, WatchOptions
from wherry.rules.objects import field_selectors, selectors
from wherry.rules.objects.strategy import Strategy
from wherry.store.protocol import Part, Record

Match = Callable[[Obj], bool]
#: of a number of 64 bits, and of some zeros in front
_MOST_DIGITS = 40


def parse_version(text: str, *, code: int = 400) -> int:
    """A resourceVersion as a number, 0 for "" and "0". Raises BadRequest (or 500 for watches, as the reference does)."""
    if not text:
        return 0
    number = text.isascii() and text.isdigit()
    if not number or len(text) > _MOST_DIGITS or int(text) >= 1 << 64:
        why = "value out of range" if number else "invalid syntax"
        detail = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": {why}'
        if code == 500:
            raise StatusError(detail, code=500)
        raise BadRequest(f"invalid resource version: {detail}")
    return int(text)


_MATCH = "resourceVersionMatch"
_WITH_CONTINUE = field.forbidden(_MATCH, "resourceVersionMatch is forbidden when continue is provided")


def _refuse(errors: field.Errors) -> None:
    if errors:
        raise invalid("ListOptions.meta.k8s.io", "", errors)


def check_list(options: ListOptions) -> None:
    """Raises Invalid for combinations that make no sense."""
    match, version = options.resource_version_match, options.resource_version
    if not match and options.send_initial_events is None:
        return
    errors: field.Errors = []
    if match and not version:
        errors.append(field.forbidden(_MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
    if match and options.continue_token:
        errors.append(_WITH_CONTINUE)
    if match not in ("Exact", "NotOlderThan", ""):
        errors.append(field.not_supported(_MATCH, match, ("Exact", "NotOlderThan", "")))
    if match == "Exact" and version == "0":
        errors.append(field.forbidden(_MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if options.send_initial_events is not None:
        errors.append(field.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    _refuse(errors)


def check_watch(options: WatchOptions) -> None:
    """Raises Invalid for combinations that make no sense (KEP-3157 for sendInitialEvents)."""
    match, initial = options.resource_version_match, options.send_initial_events
    if not match and initial is None:
        return
    errors: field.Errors = []
    if initial is not None and match != "NotOlderThan":
        errors.append(field.forbidden(_MATCH, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
    if match and initial is None:
        errors.append(field.forbidden(_MATCH, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"))
    if match not in ("NotOlderThan", ""):
        errors.append(field.not_supported(_MATCH, match, ("NotOlderThan",)))
    if match and options.continue_token:
        errors.append(_WITH_CONTINUE)
    _refuse(errors)


def too_large_version(version: int, current: int) -> Timeout:
    details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1}
    return Timeout(f"Timeout: Too large resource version: {version}, current: {current}", details)


def matcher(label_selector: str, field_selector: str, kind: Callable[[], Strategy], *, namespaced: bool = True) -> Match | None:
    """One test for both selectors, None when everything matches. Raises BadRequest for selectors that are wrong or not supported.

    `kind` is called only for a field selector: whoever lists every kind without one loads no rules of kinds that nobody uses.
    """
    by_label = _labels(selectors.parse(label_selector)) if label_selector else None
    if not field_selector:
        return by_label
    fields = field_selectors.parse(field_selector)
    strategy = kind()
    own = strategy.fields or strategy.custom  # a kind that converts field labels itself knows no namespace when it has none
    common = field_selectors.COMMON if namespaced or not own else ("metadata.name",)
    field_selectors.check(fields, (*common, *strategy.fields), strategy.fields_subject, custom=strategy.custom)
    by_field = _fields(fields, strategy)
    return by_field if by_label is None else lambda obj: by_label(obj) and by_field(obj)


def part(field_selector: str, kind: Callable[[], Strategy]) -> Part | None:
    """What a watch with that selector is for, where one field must have one value; None for all of its table."""
    fields = field_selectors.parse(field_selector) if field_selector else field_selectors.EVERYTHING
    if (value := fields.exact("metadata.name")) is not None:
        return Part("metadata.name", _name, value)
    for term in fields.terms:
        if term.op == "=" and (of := kind().fields.get(term.path)) is not None:
            return Part(term.path, _field(of), term.value)
    return None


def _name(record: Record) -> str:
    return record.key.rpartition("/")[2]


def _field(of: Callable[[Obj], str]) -> Callable[[Record], str]:
    return lambda record: of(record.object())


def _labels(selector: selectors.Selector) -> Match:
    return lambda obj: selector.matches(obj["metadata"].get("labels") or {})


def _fields(selector: field_selectors.FieldSelector, strategy: Strategy) -> Match:
    known: dict[str, Callable[[Obj], str]] = {
        "metadata.name": lambda obj: obj["metadata"]["name"],
        "metadata.namespace": lambda obj: obj["metadata"].get("namespace", ""),
        **strategy.fields,
    }
    return lambda obj: selector.matches(lambda path: known[path](obj))
