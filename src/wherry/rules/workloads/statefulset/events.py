"""What a StatefulSet tells of its writes.

Called by the controller after each stage, with what was done and what failed. Gives the events, in the reference's words.
Source of the texts: pkg/controller/statefulset recordPodEvent, recordClaimEvent.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.errors import AlreadyExists, Conflict, StatusError
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Action, Create, Delete, Emit, Update
from wherry.rules.workloads.statefulset import storage

_VERBS: dict[type, str] = {Create: "Create", Update: "Update", Delete: "Delete"}


def told(stateful_set: Obj, done: Iterable[Action], failed: Action | None, error: StatusError | None) -> tuple[Emit, ...]:
    events = [event for action in done for event in _success(stateful_set, action)]
    if failed is not None and error is not None:
        events += _failure(stateful_set, failed, error)
    return tuple(events)


def _subject(action: Action) -> Obj | None:
    match action:
        case Create(obj) | Update(obj, ""):
            return obj
        case Delete(target):
            return target
    return None


def _success(stateful_set: Obj, action: Action) -> list[Emit]:
    obj, verb, owner = _subject(action), _VERBS.get(type(action), ""), objects.name(stateful_set)
    if obj is None:
        return []
    name = objects.name(obj)
    if obj["kind"] == "Pod":
        text = f"{verb} Pod {name} in StatefulSet {owner} successful"
    elif verb == "Create":
        text = f"Create Claim {name} Pod {storage.pod_of_claim(stateful_set, name)} in StatefulSet {owner} success"
    else:
        return []
    return [Emit(stateful_set, "Normal", f"Successful{verb}", text)]


def _failure(stateful_set: Obj, action: Action, error: StatusError) -> list[Emit]:
    obj, verb = _subject(action), _VERBS.get(type(action), "")
    if obj is None or isinstance(error, Conflict):
        return []  # after a conflict it is simply done again
    if obj["kind"] == "Pod":
        return [] if isinstance(error, AlreadyExists) else [_failed(stateful_set, verb, objects.name(obj), error.message)]
    return _claim_failure(stateful_set, verb, objects.name(obj), error)


def _failed(stateful_set: Obj, verb: str, pod: str, why: str) -> Emit:
    text = f"{verb} Pod {pod} in StatefulSet {objects.name(stateful_set)} failed error: {why}"
    return Emit(stateful_set, "Warning", f"Failed{verb}", text)


def _claim_failure(stateful_set: Obj, verb: str, name: str, error: StatusError) -> list[Emit]:
    pod, owner = storage.pod_of_claim(stateful_set, name), objects.name(stateful_set)
    if verb == "Update":
        return [_failed(stateful_set, verb, pod, f"could not update claim {name} for delete policy ownerRefs: {error.message}")]
    events = [_failed(stateful_set, verb, pod, f"failed to create PVC {name}: {error.message}")]
    if not isinstance(error, AlreadyExists):
        text = f"Create Claim {name} for Pod {pod} in StatefulSet {owner} failed error: {error.message}"
        events.insert(0, Emit(stateful_set, "Warning", "FailedCreate", text))
    return events
