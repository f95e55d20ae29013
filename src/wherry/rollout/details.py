"""One rollout in full: its revisions as a timeline, its pods by revision, what was told of it. Pure.

Called by the dashboard for the page of one workload. Who made a revision and when comes from `origins`, whether it was healthy from
`last_healthy`, the words of a pod's state from the table that `kubectl get pods` shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rollout.cards import Card, card
from wherry.rollout.causes import of_pod
from wherry.rollout.changes import CAUSE
from wherry.rollout.differences import Difference, of_templates
from wherry.rollout.held_up import is_of, is_ready, own_pods
from wherry.rollout.last_healthy import is_marked, last_healthy
from wherry.rollout.origins import origin
from wherry.rollout.revisions import Revision
from wherry.rollout.snapshot import Snapshot, restarts
from wherry.rollout.step_status import StepsStatus, shown_steps
from wherry.rollout.targets import PODS
from wherry.rules.showing.tables import printer

#: pods that are shown of one revision; the rest is counted
MOST_PODS = 200


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """`changed`: what its template has other than the one before it. `healthy`: a mark or the cluster's state says it was available."""

    number: int
    name: str
    images: tuple[str, ...]
    cause: str
    who: str
    when: float | None
    newest: bool
    healthy: bool
    changed: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class PodRow:
    """`state` and `ready`: as `kubectl get pods` shows them. `why`: what holds it up, "" when nothing does. `created`: since 1970."""

    name: str
    revision: int
    node: str
    ready: str
    is_ready: bool
    leaving: bool
    state: str
    restarts: int
    created: float
    containers: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Condition:
    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Detail:
    """`hidden`: pods beyond those listed. `strategy`: the update strategy as it stands. `last_healthy`: 0 when none is known."""

    card: Card
    causes: tuple[str, ...]
    deadline_left: float | None
    conditions: tuple[Condition, ...]
    revisions: tuple[RevisionRow, ...]
    pods: tuple[PodRow, ...]
    hidden: int
    events: tuple[object, ...]
    strategy: Obj
    last_healthy: int
    containers: tuple[str, ...]
    steps: StepsStatus | None


def detail(workload: Obj, plural: str, found: Snapshot, revisions: Sequence[Revision], pods: Sequence[Obj], now: float) -> Detail:
    """`revisions`: oldest first; `pods`: those that the workload's selector means. `now`: seconds since 1970."""
    own = own_pods(workload, pods, [r.source for r in revisions])
    healthy = last_healthy(workload, revisions, own)
    rows = [_pod(pod, revisions, now) for pod in sorted(own, key=lambda pod: pod["metadata"]["name"])]
    status = workload.get("status") or {}
    conditions = tuple(Condition(c.get("type", ""), c.get("status", ""), c.get("reason", ""), c.get("message", ""))
                       for c in status.get("conditions") or ())  # fmt: skip
    newest = found.newest.name if found.newest else ""
    steps = shown_steps(workload, [r.source for r in revisions], own, now)
    return Detail(
        card(workload, plural, found, steps), tuple(str(cause) for cause in found.causes[:20]), found.deadline_left, conditions,
        tuple(_rows(workload, revisions, newest, healthy)), tuple(rows[:MOST_PODS]), max(0, len(rows) - MOST_PODS), found.events,
        workload["spec"].get("strategy") or workload["spec"].get("updateStrategy") or {}, healthy.number if healthy else 0,
        tuple(c["name"] for c in workload["spec"]["template"]["spec"].get("containers") or ()), steps,
    )  # fmt: skip


def _rows(workload: Obj, revisions: Sequence[Revision], newest: str, healthy: Revision | None) -> list[RevisionRow]:
    """Newest first."""
    rows: list[RevisionRow] = []
    before: Revision | None = None
    for each in revisions:
        made = origin(workload, each)
        name = each.source["metadata"]["name"]
        changed = tuple(of_templates(before.template, each.template)) if before is not None else ()
        cause = each.change_cause or ((each.template.get("metadata") or {}).get("annotations") or {}).get(CAUSE, "")
        is_healthy = is_marked(each.source) or (healthy is not None and healthy.number == each.number)
        rows.append(RevisionRow(each.number, name, tuple(each.images), cause, made.who, made.when, name == newest, is_healthy, changed))
        before = each
    return rows[::-1]


def _pod(pod: Obj, revisions: Sequence[Revision], now: float) -> PodRow:
    cells = printer(PODS).cells(pod, now)
    meta, spec = pod["metadata"], pod["spec"]
    of = next((r.number for r in revisions if is_of(pod, r.source)), 0)
    causes = of_pod(pod)
    containers = tuple(c["name"] for field in ("containers", "initContainers") for c in spec.get(field) or ())
    return PodRow(meta["name"], of, spec.get("nodeName", ""), str(cells[1]), is_ready(pod), bool(meta.get("deletionTimestamp")),
                  str(cells[2]), restarts(pod), timestamps.parse(meta["creationTimestamp"]), containers,
                  str(causes[0]) if causes else "")  # fmt: skip
