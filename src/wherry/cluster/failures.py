"""What a wait that failed says: the object's conditions, why its pods are not well, and the last events about it.

Raised by `cluster.wait_for` and `cluster.rollout(...).finished()`; its parts are attributes, its text is for people.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj, controller_of, name, namespace, uid
from wherry.client.protocol import Client
from wherry.errors import WherryError
from wherry.rollout import causes
from wherry.rollout.targets import EVENTS, PODS, REPLICA_SETS

LAST = 10


class WaitFailed(WherryError, AssertionError):
    """`what` did not become `condition`; `conditions`, `pods` and `events` are lines."""

    def __init__(self, what: str, condition: str, why: str, conditions: list[str], pods: list[str], events: list[str]) -> None:
        parts = [f"{what}: {condition} {why}"]
        for title, lines in (("conditions", conditions), ("pods", pods), ("last events", events)):
            parts += [f"{title}:", *(f"  {line}" for line in lines)] if lines else []
        super().__init__("\n".join(parts))
        self.what, self.condition, self.conditions, self.pods, self.events = what, condition, conditions, pods, events


class TimedOut(WaitFailed, TimeoutError):
    """The time was up."""


class Stuck(WaitFailed):
    """Waiting longer cannot help: a rollout that failed."""


async def explain(kind: type[WaitFailed], client: Client, what: str, condition: str, why: str, obj: Obj | None, space: str) -> WaitFailed:
    """The exception, with what the cluster says now."""
    pods = (await client.list(PODS, space)).items
    sets = (await client.list(REPLICA_SETS, space)).items
    own = [pod for pod in pods if obj is not None and _is_of(pod, obj, sets)]
    about = {uid(o) for o in (*own, *([obj] if obj else ()), *(s for s in sets if obj is not None and _owner(s) == uid(obj)))}
    events = [e for e in (await client.list(EVENTS, space)).items if e["involvedObject"].get("uid") in about]
    return kind(what, condition, why, conditions_of(obj), [line for pod in own for line in pod_lines(pod)], event_lines(events))


def _owner(obj: Obj) -> str:
    owner = controller_of(obj)
    return owner["uid"] if owner else ""


def _is_of(pod: Obj, obj: Obj, sets: Iterable[Obj]) -> bool:
    """The pod itself, or one that the object or a ReplicaSet of its keeps."""
    owner = _owner(pod)
    return uid(obj) in (uid(pod), owner) or any(uid(s) == owner and _owner(s) == uid(obj) for s in sets)


def conditions_of(obj: Obj | None) -> list[str]:
    if obj is None:
        return ["there is no such object"]
    found = (obj.get("status") or {}).get("conditions") or ()
    return [f"{c['type']}={c['status']} {c.get('reason', '')}: {c.get('message', '')}".rstrip(": ") for c in found]


def pod_lines(pod: Obj) -> list[str]:
    """One line for a pod that is well, one for each cause where it is not."""
    status = pod.get("status") or {}
    line = f"{namespace(pod)}/{name(pod)} {status.get('phase', 'Pending')} on {pod['spec'].get('nodeName') or 'no node'}"
    found = causes.of_pod(pod)
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
    is_over = status.get("phase") in ("Succeeded", "Failed")
    return [f"{line}: {cause}" for cause in found] or [line + ("" if is_over else ", ready" if ready else ", not ready")]


def event_lines(events: Iterable[Obj], last: int = LAST) -> list[str]:
    ordered = sorted(events, key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or e["metadata"].get("creationTimestamp") or "")
    return [_event_line(e) for e in ordered[-last:]]


def _event_line(event: Obj) -> str:
    about, times = event["involvedObject"], event.get("count", 1)
    when = event.get("lastTimestamp") or event.get("eventTime") or ""
    more = f" (x{times})" if times and times > 1 else ""
    who = f"{about.get('kind', '').lower()}/{about.get('name', '')}"
    return f"{when} {event.get('type', '')} {event.get('reason', '')} {who}: {event.get('message', '')}{more}"
