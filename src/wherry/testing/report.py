"""What the report of a failed test gains: its cluster's events, pods and last writes, and a file with the whole state.

Called by the plugin while the cluster still runs. What goes wrong here is said in the report and hides nothing of the test's own failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.cluster.cluster import Cluster
from wherry.cluster.failures import event_lines, pod_lines
from wherry.store.protocol import Record

_EVENTS, _PODS = resource("events"), resource("pods")
#: how much of each
EVENTS, WRITES = 20, 20
#: how far back writes are looked for, and what is none
_BACK = 1000
_NOISE = ("leases.coordination.k8s.io/", "events/")

Section = tuple[str, str]


def describe(item: pytest.Item, clusters: Iterable[Any]) -> list[Section]:
    """A few sections for each cluster of the test."""
    found: list[Section] = []
    for cluster in clusters:
        try:
            found += _sections(item, cluster)
        except Exception as error:
            found.append(("wherry: cluster", f"its state cannot be read: {type(error).__name__}: {error}"))
    return found


def _sections(item: pytest.Item, cluster: Any) -> list[Section]:
    space = getattr(cluster, "namespace", "") if hasattr(cluster, "_cluster") else ""
    events = event_lines(cluster.client.list(_EVENTS, space).items, EVENTS)
    pods = [line for pod in cluster.client.list(_PODS, space).items for line in pod_lines(pod)]
    writes = [_write_line(record) for record in cluster.call(last_writes(cluster, WRITES))]
    sections = [
        (f"wherry: {title}", "\n".join(lines)) for title, lines in (("events", events), ("pods", pods), ("last writes", writes)) if lines
    ]
    path = _path(item)
    if path is not None:
        cluster.save(path)
        sections.append(("wherry: state", f"the whole cluster is in {path}; look into it with\n    wherry up --from {path}"))
    return sections


async def last_writes(cluster: Cluster, count: int) -> list[Record]:
    """The newest records, oldest first, without heartbeats and events."""
    store = cluster.store
    after = max(store.oldest, store.revision - _BACK)
    if after >= store.revision:
        return []
    stream = store.watch("", after=after)
    try:
        return [record for record in await anext(aiter(stream)) if not record.key.startswith(_NOISE)][-count:]
    finally:
        stream.close()


def _write_line(record: Record) -> str:
    verb = "delete" if record.deleted else "create" if record.create_revision == record.revision else "update"
    return f"{record.revision} {verb} {record.key} by {_writer(record)}"


def _writer(record: Record) -> str:
    """Who owns what changed: the managed field that the version before did not have, or else the newest."""
    fields = _fields(record)
    before = _fields(record.prev) if record.prev is not None else []
    changed = [field for field in fields if field not in before] or fields
    newest: Obj = max(changed, key=lambda field: field.get("time", ""), default={})
    return newest.get("manager", "unknown")  # type: ignore[no-any-return]


def _fields(record: Record) -> list[Obj]:
    return record.object()["metadata"].get("managedFields") or []


def _path(item: pytest.Item) -> Path | None:
    told: str = item.config.getini("wherry_save_failed")
    if told == "off":
        return None
    cache = getattr(item.config, "cache", None)
    if told:
        folder = item.config.rootpath / told
        folder.mkdir(parents=True, exist_ok=True)
    elif cache is not None:
        folder = cache.mkdir("wherry")
    else:
        return None
    return folder / (re.sub(r"[^\w.-]+", "-", item.nodeid).strip("-") + ".json")
