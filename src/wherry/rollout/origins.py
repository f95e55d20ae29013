"""Who made a revision, and when, as far as the workload's managedFields still say. Pure.

Called by `history --diff` and `diff`. The running revision is the work of the manager that wrote the template last, also when an undo
brought an old ReplicaSet back (whose age says nothing of it). Of an older one only the creation is known; its author is the manager whose
last write of the template came just before it, unless a later write took that manager's fields over.
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rollout.revisions import Revision
from wherry.rules.workloads.template_hash import same_template

#: seconds by which a revision's creation may follow the write that caused it
SLACK = 2.0


class Origin(NamedTuple):
    """`who`: a field manager, "" when it is not known; `when`: seconds since 1970."""

    who: str
    when: float | None


def origin(workload: Obj, revision: Revision) -> Origin:
    created = timestamps.parse(revision.created) if revision.created else None
    written = _writes(workload)
    if written and same_template(revision.template, workload["spec"]["template"]):
        when, who = max(written)
        return Origin(who, when)
    near = [(when, who) for when, who in written if created is not None and 0 <= created - when <= SLACK]
    return Origin(max(near)[1] if near else "", created)


def _writes(workload: Obj) -> list[tuple[float, str]]:
    """When each manager last wrote, of those that own a part of the template."""
    return [(timestamps.parse(entry["time"]), str(entry.get("manager", ""))) for entry in workload["metadata"].get("managedFields") or ()
            if entry.get("time") and not entry.get("subresource") and "f:template" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})]
