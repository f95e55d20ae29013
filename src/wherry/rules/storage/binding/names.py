"""The annotations and finalizers by which claims, volumes, scheduler and provisioners talk to each other, and what a claim's class is.

Read by everything that binds, provisions or schedules volumes.
Source: https://kubernetes.io/docs/reference/labels-annotations-taints/ ; k8s.io/component-helpers/storage/volume.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj, annotations_of, name, namespace, with_metadata

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
#: the way to name a class before `spec.storageClassName`; it still wins
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
IS_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
#: on a default class: admission leaves it alone, so a claim without a class first gets a volume without one that fits, and this class if
#: there is none (as claims get theirs that were made before there was a default class, KEP-3333)
FALLBACK_CLASS = "wherry.dev/fallback-class"
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
IN_TREE = "kubernetes.io/"
#: the provisioner that is part of every cluster of ours
HOST_PATH_PROVISIONER = "wherry.dev/hostpath"
WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"


def class_of(obj: Obj) -> str:
    """The class of a claim or of a volume, "" for none."""
    notes = annotations_of(obj)
    if BETA_CLASS in notes:
        return notes[BETA_CLASS]
    return obj["spec"].get("storageClassName") or ""


def names_a_class(claim: Obj) -> bool:
    """Also true of a claim that says it wants none (`storageClassName: ""`)."""
    return BETA_CLASS in annotations_of(claim) or claim["spec"].get("storageClassName") is not None


def default_class(classes: Iterable[Obj]) -> Obj | None:
    """The class marked as default; of several the newest, of equally old ones the first by name."""
    marked = [c for c in classes if any(annotations_of(c).get(key) == "true" for key in IS_DEFAULT_CLASS)]
    if not marked:
        return None
    # a class that somebody chose to be the default comes before the one that was there from the start
    marked = [c for c in marked if FALLBACK_CLASS not in annotations_of(c)] or marked
    newest = max(c["metadata"].get("creationTimestamp", "") for c in marked)
    return min((c for c in marked if c["metadata"].get("creationTimestamp", "") == newest), key=name)


def annotated(obj: Obj, notes: dict[str, str | None]) -> Obj:
    """A copy with these annotations set; None takes one off."""
    merged = {k: v for k, v in {**annotations_of(obj), **notes}.items() if v is not None}
    return with_metadata(obj, annotations=merged or None)


def requested(claim: Obj) -> str:
    """How much storage the claim asks for."""
    return ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage") or "0"


def claim_key(volume: Obj) -> str:
    """`namespace/name` of the claim that the volume is for, "" for none."""
    ref = volume["spec"].get("claimRef")
    return f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else ""


def claims_by_volume(pod: Obj) -> list[tuple[str, str]]:
    """(volume, claim that it uses) of a pod; the claims of ephemeral volumes are named after pod and volume."""
    found = []
    for volume in pod["spec"].get("volumes") or ():
        if (source := volume.get("persistentVolumeClaim")) is not None:
            found.append((volume["name"], source.get("claimName", "")))
        elif volume.get("ephemeral") is not None:
            found.append((volume["name"], f"{name(pod)}-{volume['name']}"))
    return found


def claims_of_pod(pod: Obj) -> list[str]:
    """Names of the claims that a pod's volumes use."""
    return [claim for _, claim in claims_by_volume(pod)]


def claim_keys(pod: Obj) -> list[str]:
    """The same as keys; the index by which informers find the pods of a claim."""
    return [f"{namespace(pod)}/{each}" for each in claims_of_pod(pod)] if pod["spec"].get("volumes") else []
