"""A node that is drained during the play: closed for new pods, its pods evicted, a refused eviction tried again every five seconds.

Called by `play` for the fault "node NAME is drained at T". Source of the rule: kubectl drain (pkg/drain): pods of DaemonSets stay.
"""

from __future__ import annotations

from wherry.api.errors import NotFound, StatusError, TooManyRequests
from wherry.api.objects import Obj, annotations_of, controller_of, is_deleting, name, namespace
from wherry.api.options import MERGE_PATCH
from wherry.cluster.cluster import Cluster
from wherry.rehearse.live import NODES
from wherry.rehearse.observer import Observer
from wherry.rehearse.prepare import MIRROR
from wherry.rehearse.report import Drain
from wherry.rollout.targets import PODS

RETRY_EVERY = 5.0


async def drain(stage: Cluster, node: str, at: float, observer: Observer, found: list[Drain]) -> None:
    """Until the node is empty; `found` always has the newest state of it."""
    place = len(found)
    found.append(Drain(node, at, 0, None))
    await stage.aclient.patch(NODES, "", node, {"spec": {"unschedulable": True}}, MERGE_PATCH)
    while True:
        left = [pod for pod in stage.informers.of(PODS).items() if pod["spec"].get("nodeName") == node and not _stays(pod)]
        if not left:
            found[place] = Drain(node, at, found[place].refused, observer.now)
            return
        for pod in left:
            if not is_deleting(pod):
                refused = not await _evicted(stage, pod)
                found[place] = Drain(node, at, found[place].refused + refused, None)
        await stage.own_clock.sleep(RETRY_EVERY if any(not is_deleting(pod) for pod in left) else 1.0)


def _stays(pod: Obj) -> bool:
    return (controller_of(pod) or {}).get("kind") == "DaemonSet" or MIRROR in annotations_of(pod)


async def _evicted(stage: Cluster, pod: Obj) -> bool:
    """False: a budget refused it."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name(pod), "namespace": namespace(pod)}}
    try:
        await stage.aclient.create(PODS, namespace(pod), eviction, name=name(pod), subresource="eviction")
    except NotFound:
        return True
    except TooManyRequests:
        return False
    except StatusError as error:
        return error.code != 429
    return True
