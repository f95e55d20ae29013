"""Who hears of writes once: with the first object of a table, or with its next write.

Made of the store's `follow` and `size`, for whoever starts when there is something to do.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.store.protocol import Record, Store


def when_first(store: Store, table: str, call: Callable[[], None]) -> None:
    """Call once, as soon as the table has an object: now, or when the first one is durable. `call` must not write, wait or raise."""
    if store.size(table):
        call()
    else:
        _once(store, table, call, lambda record: not record.deleted)


def when_next(store: Store, table: str, call: Callable[[], None]) -> None:
    """Call once, when anything of the table is written from now on and durable. `call` must not write, wait or raise."""
    _once(store, table, call, lambda record: True)


def _once(store: Store, table: str, call: Callable[[], None], wanted: Callable[[Record], bool]) -> None:
    def hear(record: Record) -> None:
        if wanted(record):
            end()
            call()

    end = store.follow(table, hear)
