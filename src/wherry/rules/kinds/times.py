"""Times that the API server itself writes into status, for the few kinds where it does.

The registry calls `STAMPS[group_kind]` after `prepare_create`, `prepare_update` or `prepare_status`, with the old object (None on
create) and the present moment as text (`wherry.api.timestamps.time`). Only the draft is changed.
Source: pkg/registry/core/persistentvolume/strategy.go (KEP-3762), pkg/registry/certificates/certificates/strategy.go,
k8s.io/kube-aggregator/pkg/registry/apiservice/strategy.go.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.objects import Obj

Stamp = Callable[[Obj, Obj | None, str], None]


def stamp_volume(draft: Obj, old: Obj | None, now: str) -> None:
    """When the phase changed last."""
    status = draft.get("status") or {}
    before = {} if old is None else old.get("status") or {}
    mine, last = status.get("lastPhaseTransitionTime"), before.get("lastPhaseTransitionTime")
    if old is not None and status.get("phase") == before.get("phase"):
        mine = mine or last
    elif old is None or mine is None or mine == last:
        mine = now
    if mine != status.get("lastPhaseTransitionTime"):
        draft["status"] = {**status, "lastPhaseTransitionTime": mine}


def stamp_request(draft: Obj, old: Obj | None, now: str) -> None:
    """Conditions without times get them; the transition time stays while the condition's status does."""
    status = draft.get("status") or {}
    before = ((old or {}).get("status") or {}).get("conditions") or ()
    stamped = []
    for condition in status.get("conditions") or ():
        same = (c["lastTransitionTime"] for c in before if _same(c, condition) and c.get("lastTransitionTime"))
        transition = condition.get("lastTransitionTime") or next(same, now)
        updated = condition.get("lastUpdateTime") or now
        stamped.append({**condition, "lastUpdateTime": updated, "lastTransitionTime": transition})
    if stamped:
        draft["status"] = {**status, "conditions": stamped}


def _same(a: Obj, b: Obj) -> bool:
    return a.get("type") == b.get("type") and a.get("status") == b.get("status")


def stamp_api_service(draft: Obj, old: Obj | None, now: str) -> None:
    """A local APIService is available from the start."""
    if old is None and (draft.get("spec") or {}).get("service") is None:
        text = "Local APIServices are always available"
        condition = {"type": "Available", "status": "True", "lastTransitionTime": now, "reason": "Local", "message": text}
        draft["status"] = {**(draft.get("status") or {}), "conditions": [condition]}


def stamp_slice(draft: Obj, old: Obj | None, now: str) -> None:
    """Since when a device has a taint."""
    for device in (draft.get("spec") or {}).get("devices") or ():
        for taint in device.get("taints") or ():
            taint.setdefault("timeAdded", now)


STAMPS: dict[str, Stamp] = {
    "PersistentVolume": stamp_volume,
    "CertificateSigningRequest.certificates.k8s.io": stamp_request,
    "APIService.apiregistration.k8s.io": stamp_api_service,
    "ResourceSlice.resource.k8s.io": stamp_slice,
}
