"""Revisions of a rollout as text: kubectl's list, a wide one, one revision in full.

Source: kubectl polymorphichelpers/history.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.cli.kube.text.tabs import tabbed
from wherry.rollout.revisions import CHANGE_CAUSE, Revision
from wherry.rollout.template_text import describe
from wherry.rules.texts.age import human

_NONE = "No rollout history found."


def listing(revisions: Sequence[Revision]) -> str:
    """REVISION and CHANGE-CAUSE; of revisions with one number, the last."""
    if not revisions:
        return _NONE
    rows = {r.number: r for r in revisions}
    return tabbed("REVISION\tCHANGE-CAUSE\n" + "".join(f"{n}\t{_cause(r)}\n" for n, r in rows.items()))


def _cause(revision: Revision) -> str:
    """The revision's own annotation, or else the template's, as the reference has it for Deployments."""
    inner = ((revision.template.get("metadata") or {}).get("annotations") or {}).get(CHANGE_CAUSE, "")
    own = revision.change_cause or (inner if revision.source["kind"] == "ReplicaSet" else "")
    return own or "<none>"


def details(revision: Revision) -> str:
    """The template of one revision; a Deployment's shows its change-cause among the annotations."""
    return describe(_with_cause(revision) if revision.source["kind"] == "ReplicaSet" and revision.change_cause else revision.template)


def _with_cause(revision: Revision) -> Obj:
    meta = revision.template.get("metadata") or {}
    notes = {**(meta.get("annotations") or {}), CHANGE_CAUSE: revision.change_cause}
    return {**revision.template, "metadata": {**meta, "annotations": notes}}


def wide(revisions: Sequence[Revision], workload: Obj, now: float) -> str:
    """Also the size, age and images of every revision."""
    if not revisions:
        return _NONE
    rows = [(str(r.number), _size(r, workload), _age(r, now), ",".join(r.images), _cause(r)) for r in revisions]
    return tabbed("REVISION\tPODS\tAGE\tIMAGES\tCHANGE-CAUSE\n" + "".join("\t".join(row) + "\n" for row in rows))


def _size(revision: Revision, workload: Obj) -> str:
    """Ready pods of those wanted; of a StatefulSet the pods there are, of a DaemonSet only the newest revision's are known."""
    name, own = revision.source["metadata"]["name"], workload.get("status") or {}
    if workload["kind"] == "StatefulSet":
        field = {own.get("currentRevision"): "currentReplicas", own.get("updateRevision"): "updatedReplicas"}.get(name, "")
        return str(own.get(field, 0))
    if workload["kind"] == "DaemonSet":
        newest = revision.template == workload["spec"]["template"]
        return str(own.get("updatedNumberScheduled", 0)) if newest else "-"
    status = revision.source.get("status") or {}
    return f"{status.get('readyReplicas', 0)}/{revision.source['spec'].get('replicas', 0)}"


def _age(revision: Revision, now: float) -> str:
    return human(now - timestamps.parse(revision.created)) if revision.created else "<unknown>"


def changes(revisions: Sequence[Revision], workload: Obj, now: float, *, color: bool = False) -> str:
    """Every revision with what it changed against the one before: a title, and a line for each difference."""
    from wherry.cli.kube.text.differences import lines
    from wherry.rollout.differences import of_templates

    if not revisions:
        return _NONE
    blocks = []
    for before, revision in zip([None, *revisions], revisions, strict=False):
        body = "  (the oldest revision that is kept)\n" if before is None else lines(of_templates(before.template, revision.template),
                                                                                     color=color, indent="  ")
        blocks.append(title(revision, workload, now) + "\n" + (body or "  (no difference)\n"))
    return "".join(blocks)


def title(revision: Revision, workload: Obj, now: float) -> str:
    """`revision 3, 2m ago, by kubectl-set: why`."""
    from wherry.rollout.origins import origin

    made = origin(workload, revision)
    age = human(now - made.when) if made.when is not None else "<unknown>"
    text = f"revision {revision.number}, {age} ago" + (f", by {made.who}" if made.who else "")
    return f"{text}: {_cause(revision)}" if _cause(revision) != "<none>" else text
