"""What the report of a failed test gains: its cluster's events, pods and last writes, and a file with the whole state.

Called by the plugin while the cluster still runs. It tells of the moment when the test failed, where that was kept (`cluster.moments`),
else of now. What goes wrong here is said in the report and hides nothing of the test's own failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from wherry.api.objects import Obj
from wherry.cluster import moments, state
from wherry.cluster.cluster import Cluster
from wherry.cluster.failures import event_lines, pod_lines
from wherry.cluster.sync_cluster import SyncCluster
from wherry.store.protocol import Record
from wherry.testing.session import NamespacedCluster

#: how much of each
EVENTS, WRITES = 20, 20
#: what nobody asks for: events have a section of their own
_NOISE = ("leases.coordination.k8s.io/", "events/")

Section = tuple[str, str]


def describe(item: pytest.Item, clusters: Iterable[SyncCluster], error: BaseException | None = None) -> list[Section]:
    """A few sections for each cluster of the test. `error`: what it failed with."""
    found: list[Section] = []
    for cluster in clusters:
        try:
            found += _sections(item, cluster, error)
        except Exception as trouble:
            found.append(("wherry: cluster", f"its state cannot be read: {type(trouble).__name__}: {trouble}"))
    return found


def _sections(item: pytest.Item, view: SyncCluster, error: BaseException | None) -> list[Section]:
    cluster = view._cluster
    space = view.namespace if isinstance(view, NamespacedCluster) else ""
    moment = moments.kept(error, cluster) or cluster.call(moments.take(cluster))
    events = event_lines(moment.objects("events", space), EVENTS)
    pods = [line for pod in moment.objects("pods", space) for line in pod_lines(pod)]
    writes = [_write_line(record) for record in last_writes(cluster, moment.writes)]
    sections = [
        (f"wherry: {title}", "\n".join(lines)) for title, lines in (("events", events), ("pods", pods), ("last writes", writes)) if lines
    ]
    path = _path(item)
    if path is not None:
        state.write(path, moment.state())
        look = f"wherry up --ephemeral --port 0 --from {path}"
        sections.append(("wherry: state", f"the whole cluster is in {path}; look into it with\n    {look}"))
    return sections


def last_writes(cluster: Cluster, writes: Sequence[Record]) -> list[Record]:
    """The newest, oldest first, without events, heartbeats, and what every cluster writes when it starts."""
    return [record for record in writes if record.revision > cluster.ready_revision and not _is_noise(record)][-WRITES:]


def _is_noise(record: Record) -> bool:
    heartbeat = record.key.startswith("nodes/") and record.prev is not None and not record.deleted and _writer(record) == "kubelet"
    return record.key.startswith(_NOISE) or heartbeat


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
