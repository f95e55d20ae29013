"""The last revision that was fully available, by what the cluster itself says. Pure but for `find` and `mark`.

Called by `undo --to-last-healthy` and by the guard. Nothing in the API remembers how well a revision did, so the evidence is looked for:
the mark that a guard (or `rollout remember`) left on its ReplicaSet or ControllerRevision; a ReplicaSet whose pods are all available now;
a StatefulSet's currentRevision, which moves only when every pod is updated and ready; a DaemonSet's pods of a revision that are all ready.
The mark names its bearer, because an undo by kubectl copies a ReplicaSet's annotations to the Deployment and so to other ReplicaSets.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api import timestamps
from wherry.api.objects import Obj, annotations_of, condition
from wherry.api.options import MERGE_PATCH
from wherry.client.protocol import Client
from wherry.rollout.errors import NothingToUndo, RolloutError
from wherry.rollout.held_up import is_of, is_ready, own_pods, selector_of
from wherry.rollout.progress import progress
from wherry.rollout.revisions import Revision, newest, read, revisions
from wherry.rollout.targets import CONTROLLER_REVISIONS, DEPLOYMENTS, PODS, REPLICA_SETS, Named

#: on a ReplicaSet or ControllerRevision: "<its name> <when>"
HEALTHY = "wherry.dev/healthy"


def last_healthy(workload: Obj, found: Sequence[Revision], pods: Sequence[Obj]) -> Revision | None:
    """The newest revision for which there is evidence; None without any. `found`: oldest first."""
    current = newest(workload, [r.source for r in found])
    name = current["metadata"]["name"] if current is not None else ""
    for revision in reversed(found):
        if is_marked(revision.source):
            return revision
        if revision.source["metadata"]["name"] == name:
            if _is_done(workload) or _is_kept(workload, revision.source, pods):
                return revision
        elif _was_healthy(workload, revision.source, pods):
            return revision
    return None


def is_marked(source: Obj) -> bool:
    """It bears its own mark."""
    return bool(annotations_of(source).get(HEALTHY, "").split(" ")[0] == source["metadata"]["name"])


def _is_done(workload: Obj) -> bool:
    """The rollout of the present template went well."""
    try:
        done = progress(workload).done
    except RolloutError:
        return False
    progressing = condition(workload, "Progressing")
    return done and (progressing is None or progressing.get("status") == "True")


def _is_kept(workload: Obj, source: Obj, pods: Sequence[Obj]) -> bool:
    """A StatefulSet is on its way back to a revision that it never left as a whole, and some of whose pods are ready."""
    if workload["kind"] != "StatefulSet" or (workload.get("status") or {}).get("currentRevision") != source["metadata"]["name"]:
        return False
    return any(is_of(pod, source) and is_ready(pod) for pod in pods)


def _was_healthy(workload: Obj, source: Obj, pods: Sequence[Obj]) -> bool:
    if source["kind"] == "ReplicaSet":
        status, wanted = source.get("status") or {}, source["spec"].get("replicas", 0)
        return bool(wanted > 0 and status.get("availableReplicas", 0) >= wanted)
    if workload["kind"] == "StatefulSet":
        return bool((workload.get("status") or {}).get("currentRevision") == source["metadata"]["name"])
    own = [pod for pod in pods if is_of(pod, source) and not pod["metadata"].get("deletionTimestamp")]
    return bool(own) and all(is_ready(pod) for pod in own)


async def find(client: Client, target: Named, namespace: str) -> Revision:
    """Raises NothingToUndo when no revision is known to have been fully available, and StatusError."""
    workload = await read(client, target, namespace)
    found = await revisions(client, target, workload)
    pods = (await client.list(PODS, namespace, label_selector=selector_of(workload))).items
    revision = last_healthy(workload, found, own_pods(workload, pods, [r.source for r in found]))
    if revision is None:
        raise NothingToUndo("no revision is known to have been fully available; name one with --to-revision")
    return revision


async def mark(client: Client, target: Named, namespace: str, revision: Revision, now: float) -> None:
    """Remember that this revision was fully available."""
    name = revision.source["metadata"]["name"]
    kept = REPLICA_SETS if target.resource is DEPLOYMENTS else CONTROLLER_REVISIONS
    await client.patch(kept, namespace, name, {"metadata": {"annotations": {HEALTHY: f"{name} {timestamps.time(now)}"}}}, MERGE_PATCH)
