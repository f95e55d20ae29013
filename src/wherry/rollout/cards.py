"""What a board shows of a workload: its state in one word, its pods by revision, and why it does not go on. Pure.

Called by the dashboard for every workload whose objects changed. A card holds codes (`progressing`, `stuck`) and numbers, so that a page
says them in its reader's language; what clusters say (a cause, a condition's message) stays as it was said.
Invariant: a card is made of one snapshot alone, so a board and `rollout status --live` never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wherry.api import timestamps
from wherry.api.objects import Obj, condition
from wherry.rollout import emulation
from wherry.rollout.causes import grouped
from wherry.rollout.deadline import template_written
from wherry.rollout.snapshot import Line, Snapshot
from wherry.rollout.step_status import StepsStatus

State = Literal["done", "progressing", "paused", "stuck", "failed", "unavailable", "empty"]


@dataclass(frozen=True, slots=True)
class Card:
    """`id`: `NAMESPACE/PLURAL/NAME`. `since`: when the rollout began or ended, seconds since 1970, None where nothing says.

    `why`: the first cause in the words of `--why`, "" without one; `more`: how many other causes there are. `step`: where it stands in its
    steps, "" when it is in none.
    """

    id: str
    namespace: str
    kind: str
    name: str
    state: State
    message: str
    why: str
    more: int
    since: float | None
    wanted: int
    ready: int
    updated: int
    available: int
    restarts: int
    revision: int
    images: tuple[str, ...]
    revisions: tuple[Line, ...]
    step: str = ""


def card(workload: Obj, plural: str, found: Snapshot, steps: StepsStatus | None = None) -> Card:
    """`plural`: `deployments`. `steps`: where it stands in them, None for one without."""
    meta = workload["metadata"]
    newest = found.newest
    lines = grouped(found.causes)
    return Card(
        f"{meta.get('namespace', '')}/{plural}/{meta['name']}", meta.get("namespace", ""), workload["kind"], meta["name"],
        state(workload, found), found.message, found.failed or (lines[0] if lines else ""), max(0, len(lines) - 1), since(workload, found),
        found.wanted, found.ready, found.updated, found.available, sum(line.restarts for line in found.revisions),
        newest.revision if newest else 0, newest.images if newest else (), found.revisions,
        str(steps) if steps is not None and not steps.is_over else "",
    )  # fmt: skip


def state(workload: Obj, found: Snapshot) -> State:
    """`stuck`: a cause that waiting alone will not mend; `unavailable`: rolled out, and fewer pods are available than wanted."""
    if found.failed:
        return "failed"
    if any(cause.final for cause in found.causes):
        return "stuck"
    if is_paused(workload):
        return "paused"
    if not found.done:
        return "progressing"
    if found.available < found.wanted:
        return "unavailable"
    return "done" if found.wanted else "empty"


def is_paused(workload: Obj) -> bool:
    """By the API, or by the update strategy (`rollout pause --emulate`)."""
    return bool(workload["spec"].get("paused")) or emulation.is_paused(workload)


def since(workload: Obj, found: Snapshot) -> float | None:
    """When the rollout under way began; of one that is over, when it ended, as far as a condition says so."""
    progressing = condition(workload, "Progressing") or {}
    if found.over and progressing.get("lastUpdateTime"):
        return timestamps.parse(progressing["lastUpdateTime"])
    return template_written(workload) or timestamps.parse(workload["metadata"]["creationTimestamp"])
