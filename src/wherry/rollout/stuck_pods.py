"""Pods of a StatefulSet that an undo leaves stuck, and removing them.

A StatefulSet waits for a broken pod to become ready before it replaces it, even when its template was repaired; the reference leaves the
deletion to a hand.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
"""

from __future__ import annotations

from contextlib import suppress

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, is_controlled_by
from wherry.api.options import DeleteOptions
from wherry.client.protocol import Client
from wherry.rollout.targets import PODS
from wherry.rules.objects import selectors

_LABEL = "controller-revision-hash"


def stuck(stateful_set: Obj, pods: list[Obj], wanted: str) -> list[Obj]:
    """Its pods of other revisions that are neither ready nor going. `wanted`: the name of the revision that it goes back to."""
    return [pod for pod in pods if is_controlled_by(pod, stateful_set) and (pod["metadata"].get("labels") or {}).get(_LABEL) != wanted
            and not pod["metadata"].get("deletionTimestamp") and not _ready(pod)]


def _ready(pod: Obj) -> bool:
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in (pod.get("status") or {}).get("conditions") or ())


async def find(client: Client, namespace: str, stateful_set: Obj, wanted: str) -> list[Obj]:
    selector = str(selectors.from_label_selector(stateful_set["spec"]["selector"]))
    return stuck(stateful_set, (await client.list(PODS, namespace, label_selector=selector)).items, wanted)


async def remove(client: Client, namespace: str, found: list[Obj]) -> list[str]:
    """Delete them; their names."""
    for pod in found:
        with suppress(NotFound):
            await client.delete(PODS, namespace, pod["metadata"]["name"], DeleteOptions(uid=pod["metadata"].get("uid", "")))
    return [pod["metadata"]["name"] for pod in found]


def revision_of(pod: Obj) -> str:
    """The name of its ControllerRevision."""
    return str((pod["metadata"].get("labels") or {}).get(_LABEL, ""))
