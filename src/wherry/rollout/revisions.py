"""The revisions of a workload: the ReplicaSets of a Deployment, the ControllerRevisions of a StatefulSet or DaemonSet.

Called by `Rollout` for history and undo. A revision belongs to the workload when its labels match and the workload controls it.
Source: kubectl's polymorphichelpers (history.go, rollback.go), pkg/controller/history.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wherry.api.objects import Obj, annotations_of, is_controlled_by, namespace
from wherry.api.options import STRATEGIC_PATCH
from wherry.api.resources import Resource
from wherry.client.protocol import Client
from wherry.rollout.errors import NothingToUndo, RevisionNotFound
from wherry.rollout.targets import CONTROLLER_REVISIONS, DEPLOYMENTS, REPLICA_SETS, Named
from wherry.rules.objects import selectors

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
HASH_LABEL = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision. `template` is the pod template as it was; `source` the ReplicaSet or ControllerRevision that keeps it."""

    number: int
    change_cause: str
    template: Obj = field(repr=False)
    source: Obj = field(repr=False)

    @property
    def created(self) -> str:
        return str(self.source["metadata"].get("creationTimestamp") or "")

    @property
    def images(self) -> list[str]:
        return [c.get("image", "") for c in (self.template.get("spec") or {}).get("containers") or ()]


async def revisions(client: Client, target: Named, workload: Obj) -> list[Revision]:
    """All revisions, oldest first."""
    kept = REPLICA_SETS if target.resource is DEPLOYMENTS else CONTROLLER_REVISIONS
    return of_sources(target, workload, await _owned(client, kept, workload))


def of_sources(target: Named, workload: Obj, sources: Iterable[Obj]) -> list[Revision]:
    """The revisions that those ReplicaSets or ControllerRevisions of the workload keep, oldest first."""
    if target.resource is DEPLOYMENTS:
        found = [r for rs in sources if (r := _of_replica_set(rs)) is not None]
    else:
        found = [_of_controller_revision(target, workload, r) for r in sources]
    return sorted(found, key=lambda r: r.number)


def _of_replica_set(rs: Obj) -> Revision | None:
    """None for a ReplicaSet whose revision is no number."""
    try:
        number = int(annotations_of(rs).get(REVISION, "") or 0)
    except ValueError:
        return None
    return Revision(number, annotations_of(rs).get(CHANGE_CAUSE, ""), rs["spec"]["template"], rs)


def _of_controller_revision(target: Named, workload: Obj, revision: Obj) -> Revision:
    template = applied(target.resource, workload, revision)["spec"]["template"]
    return Revision(revision.get("revision", 0), annotations_of(revision).get(CHANGE_CAUSE, ""), template, revision)


def applied(resource: Resource, workload: Obj, revision: Obj) -> Obj:
    """The workload with what a ControllerRevision keeps."""
    from wherry.api.schema import definition
    from wherry.rules.writing.patch import apply

    return apply(STRATEGIC_PATCH, workload, revision.get("data") or {}, definition(resource.schema))


async def _owned(client: Client, resource: Resource, workload: Obj) -> list[Obj]:
    """By selector, then by controller: a selector alone may find what belongs to another."""
    selector = str(selectors.from_label_selector(workload["spec"]["selector"]))
    listing = await client.list(resource, namespace(workload), label_selector=selector)
    return [{"kind": resource.kind, "apiVersion": resource.api_version, **obj} for obj in listing.items if is_controlled_by(obj, workload)]


def newest(workload: Obj, sources: list[Obj]) -> Obj | None:
    """The ReplicaSet or ControllerRevision of the present template."""
    if workload["kind"] == "Deployment":
        number = annotations_of(workload).get(REVISION)
        return next((rs for rs in sources if number and annotations_of(rs).get(REVISION) == number), None)
    wanted = (workload.get("status") or {}).get("updateRevision")
    named = next((source for source in sources if source["metadata"]["name"] == wanted), None)
    return named or max(sources, key=lambda source: source.get("revision", 0), default=None)


def choose(found: list[Revision], number: int, target: Named) -> Revision:
    """The revision of that number; 0: the one before the newest. Raises RevisionNotFound, NothingToUndo."""
    if number:
        for revision in found:
            if revision.number == number:
                return revision
        raise RevisionNotFound(f"unable to find specified revision {number} in history")
    if len(found) < 2:
        if target.resource is DEPLOYMENTS:
            raise NothingToUndo(f'no rollout history found for deployment "{target.name}"')
        raise NothingToUndo("no last revision to roll back to")
    return found[-2]


async def read(client: Client, target: Named, namespace: str) -> Obj:
    """The workload. Raises NotFound."""
    return typed(target.resource, await client.get(target.resource, namespace, target.name))


def typed(resource: Resource, obj: Obj) -> Obj:
    """With kind and apiVersion, which items of lists lack."""
    return obj if "kind" in obj and "apiVersion" in obj else {"kind": resource.kind, "apiVersion": resource.api_version, **obj}


def pair(found: list[Revision], numbers: list[int], target: Named) -> tuple[Revision, Revision]:
    """Two revisions to compare: the two named; or the one named, or the newest, with the one before it.

    Raises RevisionNotFound, NothingToUndo.
    """
    if len(numbers) == 2:
        return choose(found, numbers[0], target), choose(found, numbers[1], target)
    new = choose(found, numbers[0], target) if numbers else None
    at = found.index(new) if new is not None else len(found) - 1
    if at < 1:
        raise NothingToUndo(f"there is no revision before {found[at].number if found else 'the first'} to compare with")
    return found[at - 1], found[at]
