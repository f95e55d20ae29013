"""The test mode of a cluster: nobody may change a shared object, and this finds who did.

Called when a cluster in test mode stops, and by tests whenever they like. The bytes of a record are the truth; what was decoded from them,
or kept beside them by their writer, must still be equal, and so must the objects that informers hold.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wherry.api.differences import first_difference
from wherry.api.objects import version
from wherry.client.informer import Informers
from wherry.store.protocol import Record, Store


async def check_unchanged(store: Store, informers: Informers) -> None:
    """Raises AssertionError that names the key, the path and both values of the first difference."""
    records = {record.key: record for record in (await store.range("")).records}
    for record in records.values():
        if record.obj is not None:
            _compare(record, record.obj, "the decoded object")
    for informer in informers.all():
        if informer.resource.custom is not None:
            continue  # of custom kinds it holds what is served, which need not be what is stored
        table = informer.resource.group_resource
        for at, obj in ((f"{table}/{name}", informer.get(name)) for name in list(informer.names())):
            held = records.get(at)
            if held is not None and obj is not None and version(obj) == held.revision:
                _compare(held, obj, "an informer's object")


def _compare(record: Record, obj: Any, what: str) -> None:
    found = first_difference(msgspec.json.decode(record.value), obj)
    if found is not None:
        path, stored, now = found
        raise AssertionError(f"{record.key}: {what} was changed at {path or 'its top'}: stored {stored!r}, now {now!r}")
