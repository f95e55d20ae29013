"""The macros at work: one function per kind, each making the closure that runs over a list or a map.

Called by the builder. A map's first variable is its keys; with two variables a list gives index and element, a map key and value. Every
step is paid from the budget (`f[0]`), so no expression runs unbounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wherry.rules.cel.errors import NO_OVERLOAD, CelError, CostExceeded
from wherry.rules.cel.values import Lazy, less, type_name

Frame = list[Any]
Run = Callable[[Frame], Any]


def _items(f: Frame, over: Any, slots: list[int], step: int) -> Iterator[Any]:
    """Sets the variables of each step and gives the first one's value (of a list with two variables: the element)."""
    spend = f[0].spend
    kind = type(over)
    if kind is not list and kind is not dict and kind is not Lazy:
        raise CelError(NO_OVERLOAD)
    if len(slots) == 1:
        slot = slots[0]
        for item in over:
            spend(step)
            f[slot] = item
            yield item
        return
    first, second = slots
    for key, item in enumerate(over) if kind is list else over.items():
        spend(step)
        f[first], f[second] = key, item
        yield key


def _test(value: Any) -> bool:
    if type(value) is not bool:
        raise CelError(NO_OVERLOAD)
    return bool(value)


def _decide(decisive: bool) -> Callable[..., Run]:
    """`all` stops at the first False, `exists` at the first True; an error counts only when no element decides."""

    def make(over: Run, slots: list[int], bodies: list[Run], step: int) -> Run:
        (body,) = bodies

        def run(f: Frame) -> bool:
            failed: CelError | None = None
            for _ in _items(f, over(f), slots, step):
                try:
                    if _test(body(f)) is decisive:
                        return decisive
                except CostExceeded:
                    raise
                except CelError as error:
                    failed = error
            if failed is not None:
                raise failed
            return not decisive

        return run

    return make


def _exists_one(over: Run, slots: list[int], bodies: list[Run], step: int) -> Run:
    (body,) = bodies

    def run(f: Frame) -> bool:
        return sum(_test(body(f)) for _ in _items(f, over(f), slots, step)) == 1

    return run


def _filter(over: Run, slots: list[int], bodies: list[Run], step: int) -> Run:
    (body,) = bodies
    return lambda f: [item for item in _items(f, over(f), slots, step) if _test(body(f))]


def _map(over: Run, slots: list[int], bodies: list[Run], step: int) -> Run:
    if len(bodies) == 1:
        (each,) = bodies
        return lambda f: [each(f) for _ in _items(f, over(f), slots, step)]
    test, each = bodies
    return lambda f: [each(f) for _ in _items(f, over(f), slots, step) if _test(test(f))]


def _transform_map(over: Run, slots: list[int], bodies: list[Run], step: int) -> Run:
    each = bodies[-1]
    test = bodies[0] if len(bodies) == 2 else None

    def run(f: Frame) -> dict[Any, Any]:
        return {key: each(f) for key in _items(f, over(f), slots, step) if test is None or _test(test(f))}

    return run


def _transform_entries(over: Run, slots: list[int], bodies: list[Run], step: int) -> Run:
    each = bodies[-1]
    test = bodies[0] if len(bodies) == 2 else None

    def run(f: Frame) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for _ in _items(f, over(f), slots, step):
            if test is not None and not _test(test(f)):
                continue
            entry = each(f)
            if type(entry) is not dict:
                raise CelError(NO_OVERLOAD)
            for key, value in entry.items():
                if key in made:
                    raise CelError(f"insert failed: key {key} already exists")
                made[key] = value
        return made

    return run


def _sort_by(over: Run, slots: list[int], bodies: list[Run], step: int) -> Run:
    (key,) = bodies

    def run(f: Frame) -> list[Any]:
        items = over(f)
        keyed = [(key(f), item) for item in _items(f, items, slots, step)]
        f[0].spend(len(keyed) * max(1, len(keyed).bit_length()))
        return [item for _, item in ordered(keyed)]

    return run


def ordered(keyed: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Pairs in the order of their keys, which must be of one comparable type. Raises CelError."""
    if len({type_name(k) for k, _ in keyed}) > 1:
        raise CelError("list elements must have the same type")
    if keyed:
        less(keyed[0][0], keyed[0][0])
    return sorted(keyed, key=lambda pair: pair[0])


FOLDS: dict[str, Callable[[Run, list[int], list[Run], int], Run]] = {
    "all": _decide(False),
    "exists": _decide(True),
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _map,
    "transformList": _map,
    "transformMap": _transform_map,
    "transformMapEntry": _transform_entries,
    "sortBy": _sort_by,
}
