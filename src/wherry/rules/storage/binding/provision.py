"""The built-in provisioner: a volume for every claim whose class names it, a directory per volume; and the end of released ones.

Called by the provisioner's controller. The volume is a hostPath that the node makes when it is first used (DirectoryOrCreate). A claim that
waited for its consumer, or whose class allows some topologies only, gives a volume that is only there.
Source of the protocol: sigs.k8s.io/sig-storage-lib-external-provisioner (annotations, names, events).
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api.objects import Obj, annotations_of, labels, name, namespace, reference, uid
from wherry.rules.objects.plan import NOTHING, Create, Delete, Emit, Plan, Update
from wherry.rules.storage.binding import names
from wherry.rules.storage.binding.names import HOST_PATH_PROVISIONER, annotated, class_of, requested
from wherry.rules.storage.binding.world import Find

HOSTNAME = "kubernetes.io/hostname"


class Means(NamedTuple):
    """`directory`: below it each volume has its own; `node` finds a node by name."""

    directory: str
    node: Find
    storage_class: Find
    volume: Find


def is_ours(claim: Obj, means: Means) -> bool:
    """The claim has no volume, the persistent volume controller left word for us, and its class still says so."""
    if claim["spec"].get("volumeName") or annotations_of(claim).get(names.STORAGE_PROVISIONER) != HOST_PATH_PROVISIONER:
        return False
    found = means.storage_class(class_of(claim))
    if found is None or found["provisioner"] != HOST_PATH_PROVISIONER:
        return False
    return found.get("volumeBindingMode") != names.WAIT_FOR_FIRST_CONSUMER or names.SELECTED_NODE in annotations_of(claim)


def volume_name(claim: Obj) -> str:
    return f"pvc-{uid(claim)}"


def plan_claim(claim: Obj, means: Means) -> Plan:
    if not is_ours(claim, means) or means.volume(volume_name(claim)) is not None:
        return NOTHING
    found = means.storage_class(class_of(claim))
    assert found is not None
    where = f'External provisioner is provisioning volume for claim "{namespace(claim)}/{name(claim)}"'
    told = Emit(claim, "Normal", "Provisioning", where)
    why = _refusal(claim, found)
    if why:
        return _failed(claim, found, told, why)
    node = None
    if selected := annotations_of(claim).get(names.SELECTED_NODE):
        node = means.node(selected)
        if node is None:
            return _failed(claim, found, told, f'error getting target node: node "{selected}" not found')
    volume = _volume(claim, found, node, means.directory)
    made = f"Successfully provisioned volume {name(volume)}"
    return Plan((told, Create(volume), Emit(claim, "Normal", "ProvisioningSucceeded", made)))


def _refusal(claim: Obj, storage_class: Obj) -> str:
    if storage_class.get("parameters"):
        return f"parameters are not known to {HOST_PATH_PROVISIONER}: {', '.join(sorted(storage_class['parameters']))}"
    if claim["spec"].get("dataSource") or claim["spec"].get("dataSourceRef"):
        return "volumes with a data source are not supported"
    if claim["spec"].get("selector"):
        return "claim Selector is not supported"
    if claim["spec"].get("volumeMode") == "Block":
        return f"{HOST_PATH_PROVISIONER} does not support block volume provisioning"
    return ""


def _failed(claim: Obj, storage_class: Obj, told: Emit, why: str) -> Plan:
    """A claim that waited for its consumer goes back to the scheduler, which may choose another node."""
    text = f'failed to provision volume with StorageClass "{name(storage_class)}": {why}'
    failed = Emit(claim, "Warning", "ProvisioningFailed", text)
    back = (Update(annotated(claim, {names.SELECTED_NODE: None})),) if names.SELECTED_NODE in annotations_of(claim) else ()
    return Plan((told, failed, *back), 15.0)


def _volume(claim: Obj, storage_class: Obj, node: Obj | None, directory: str) -> Obj:
    made = volume_name(claim)
    path = f"{directory.rstrip('/')}/{made}_{namespace(claim)}_{name(claim)}"
    spec: Obj = {
        "capacity": {"storage": requested(claim)},
        "hostPath": {"path": path, "type": "DirectoryOrCreate"},
        "accessModes": claim["spec"].get("accessModes") or [],
        "claimRef": reference(claim),
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
        "storageClassName": name(storage_class),
        "volumeMode": "Filesystem",
    }
    if storage_class.get("mountOptions"):
        spec["mountOptions"] = storage_class["mountOptions"]
    terms = _terms(storage_class, node)
    if terms:
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    notes = {names.PROVISIONED_BY: HOST_PATH_PROVISIONER}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": made, "annotations": notes}, "spec": spec,
            "status": {"phase": "Pending"}}  # fmt: skip


def _terms(storage_class: Obj, node: Obj | None) -> list[Obj]:
    if node is not None:
        return [{"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": [labels(node).get(HOSTNAME) or name(node)]}]}]
    allowed = storage_class.get("allowedTopologies") or ()
    terms = []
    for term in allowed:
        wanted = [{"key": e["key"], "operator": "In", "values": e["values"]} for e in term.get("matchLabelExpressions") or ()]
        if wanted:
            terms.append({"matchExpressions": wanted})
    return terms


def is_finished(volume: Obj) -> bool:
    """The volume is ours, nobody has it any more, and its policy is to go with its claim."""
    return (
        annotations_of(volume).get(names.PROVISIONED_BY) == HOST_PATH_PROVISIONER
        and (volume.get("status") or {}).get("phase") in ("Released", "Failed")
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        and "deletionTimestamp" not in volume["metadata"]
    )


def plan_volume(volume: Obj) -> Plan:
    return Plan((Delete(volume),)) if is_finished(volume) else NOTHING


def delete_failed(volume: Obj, why: str) -> Plan:
    return Plan((Emit(volume, "Warning", "VolumeFailedDelete", why),), 15.0)


def directory_of(volume: Obj, directory: str) -> str:
    """Where its files are, "" unless that is a directory that we gave out."""
    path: str = (volume["spec"].get("hostPath") or {}).get("path", "")
    base = f"{directory.rstrip('/')}/{name(volume)}_"
    return path if path.startswith(base) and "/" not in path[len(base) :] else ""


def storage_class(title: str) -> Obj:
    """The class that a cluster has from the start, marked as default."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": title, "annotations": {names.IS_DEFAULT_CLASS[0]: "true", names.FALLBACK_CLASS: "true"}},
        "provisioner": HOST_PATH_PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }
