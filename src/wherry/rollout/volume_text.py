"""One volume of a pod template as lines of text.

Called by `template_text`. Most sources are a title and a list of fields; the few that need more have a function of their own.
Source: kubectl pkg/describe describeVolumes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.texts.go_values import sprint

#: label, field, what stands for an absent one
Row = tuple[str, str, Any]
_READ_ONLY: Row = ("ReadOnly", "readOnly", False)
_FS: Row = ("FSType", "fsType", "")
_SECRET: Row = ("SecretRef", "secretRef", None)

_PLAIN: dict[str, tuple[str, tuple[Row, ...]]] = {
    "hostPath": ("HostPath (bare host directory volume)", (("Path", "path", ""), ("HostPathType", "type", "<none>"))),
    "gcePersistentDisk": ("GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
                          (("PDName", "pdName", ""), _FS, ("Partition", "partition", 0), _READ_ONLY)),
    "awsElasticBlockStore": ("AWSElasticBlockStore (a Persistent Disk resource in AWS)",
                             (("VolumeID", "volumeID", ""), _FS, ("Partition", "partition", 0), _READ_ONLY)),
    "gitRepo": ("GitRepo (a volume that is pulled from git when the pod is created)",
                (("Repository", "repository", ""), ("Revision", "revision", ""))),
    "secret": ("Secret (a volume populated by a Secret)", (("SecretName", "secretName", ""), ("Optional", "optional", False))),
    "configMap": ("ConfigMap (a volume populated by a ConfigMap)", (("Name", "name", ""), ("Optional", "optional", False))),
    "nfs": ("NFS (an NFS mount that lasts the lifetime of a pod)", (("Server", "server", ""), ("Path", "path", ""), _READ_ONLY)),
    "glusterfs": ("Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
                  (("EndpointsName", "endpoints", ""), ("Path", "path", ""), _READ_ONLY)),
    "persistentVolumeClaim": ("PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
                              (("ClaimName", "claimName", ""), _READ_ONLY)),
    "rbd": ("RBD (a Rados Block Device mount on the host that shares a pod's lifetime)",
            (("CephMonitors", "monitors", []), ("RBDImage", "image", ""), _FS, ("RBDPool", "pool", ""), ("RadosUser", "user", ""),
             ("Keyring", "keyring", ""), _SECRET, _READ_ONLY)),
    "quobyte": ("Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
                (("Registry", "registry", ""), ("Volume", "volume", ""), _READ_ONLY)),
    "azureDisk": ("AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)",
                  (("DiskName", "diskName", ""), ("DiskURI", "diskURI", ""), ("Kind", "kind", ""), _FS, ("CachingMode", "cachingMode", ""),
                   _READ_ONLY)),
    "vsphereVolume": ("vSphereVolume (a Persistent Disk resource in vSphere)",
                      (("VolumePath", "volumePath", ""), _FS, ("StoragePolicyName", "storagePolicyName", ""))),
    "cinder": ("Cinder (a Persistent Disk resource in OpenStack)", (("VolumeID", "volumeID", ""), _FS, _READ_ONLY, _SECRET)),
    "photonPersistentDisk": ("PhotonPersistentDisk (a Persistent Disk resource in photon platform)", (("PdID", "pdID", ""), _FS)),
    "portworxVolume": ("PortworxVolume (a Portworx Volume resource)", (("VolumeID", "volumeID", ""),)),
    "scaleIO": ("ScaleIO (a persistent volume backed by a block device in ScaleIO)",
                (("Gateway", "gateway", ""), ("System", "system", ""), ("Protection Domain", "protectionDomain", ""),
                 ("Storage Pool", "storagePool", ""),
                 ("Storage Mode", "storageMode", ""), ("VolumeName", "volumeName", ""), _FS, _READ_ONLY)),
    "cephfs": ("CephFS (a CephFS mount on the host that shares a pod's lifetime)",
               (("Monitors", "monitors", []), ("Path", "path", ""), ("User", "user", ""), ("SecretFile", "secretFile", ""), _SECRET,
                _READ_ONLY)),
    "storageos": ("StorageOS (a StorageOS Persistent Disk resource)",
                  (("VolumeName", "volumeName", ""), ("VolumeNamespace", "volumeNamespace", ""), _FS, _READ_ONLY)),
    "fc": ("FC (a Fibre Channel disk)", (("TargetWWNs", "targetWWNs", ""), ("LUN", "lun", "<none>"), _FS, _READ_ONLY)),
    "azureFile": ("AzureFile (an Azure File Service mount on the host and bind mount to the pod)",
                  (("SecretName", "secretName", ""), ("ShareName", "shareName", ""), _READ_ONLY)),
    "flexVolume": ("FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)",
                   (("Driver", "driver", ""), _FS, _SECRET, _READ_ONLY, ("Options", "options", {}))),
    "flocker": ("Flocker (a Flocker volume mounted by the Flocker agent)",
                (("DatasetName", "datasetName", ""), ("DatasetUUID", "datasetUUID", ""))),
    "iscsi": ("ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
              (("TargetPortal", "targetPortal", ""), ("IQN", "iqn", ""), ("Lun", "lun", 0), ("ISCSIInterface", "iscsiInterface", ""), _FS,
               _READ_ONLY,
               ("Portals", "portals", []), ("DiscoveryCHAPAuth", "chapAuthDiscovery", False), ("SessionCHAPAuth", "chapAuthSession", False),
               _SECRET,
               ("InitiatorName", "initiatorName", "<none>"))),
    "image": ("Image (a container image or OCI artifact)", (("Reference", "reference", ""), ("PullPolicy", "pullPolicy", ""))),
    "csi": ("CSI (a Container Storage Interface (CSI) volume source)", (("Driver", "driver", ""), _FS, _READ_ONLY)),
}
#: the two labels that the reference writes in its own way
_LABELS = {("azureDisk", "Kind"): "Kind: ", ("iscsi", "ISCSIInterface"): "ISCSIInterface"}


def lines(volume: Obj) -> list[str]:
    """What stands under the volume's name, indented by four."""
    kind = next((k for k in volume if k != "name"), "")
    source = volume.get(kind) or {}
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(source)
    if kind not in _PLAIN:
        return ["  <unknown>"]
    title, rows = _PLAIN[kind]
    out = [f"    Type:\t{title}", *(_row(kind, label, source.get(name, absent)) for label, name, absent in rows)]
    return out + _attributes(source.get("volumeAttributes") or {}) if kind == "csi" else out


def _row(kind: str, label: str, value: Any) -> str:
    if label == "SecretRef" and value is not None:
        value = f"&LocalObjectReference{{Name:{value.get('name', '')},}}"
    if kind == "fc" and isinstance(value, list):
        value = ", ".join(value)
    written = _LABELS.get((kind, label), f"{label}:")
    return f"    {written}\t{sprint(value)}" if not written.endswith(" ") else f"    {written.rstrip()} \t{sprint(value)}"


def _attributes(attributes: dict[str, str]) -> list[str]:
    if not attributes:
        return ["    VolumeAttributes:\t<none>"]
    shown = [line if len(line) <= 140 else line[:140] + "..." for line in (f"{k}={attributes[k]}" for k in sorted(attributes))]
    return [f"    VolumeAttributes:\t    {shown[0]}", *(f"        \t    {line}" for line in shown[1:])]


def _empty_dir(source: Obj) -> list[str]:
    size = source.get("sizeLimit")
    shown = quantity.canonical(size) if size and quantity.parse(size) > 0 else "<unset>"
    return ["    Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)", f"    Medium:\t{source.get('medium', '')}",
            f"    SizeLimit:\t{shown}"]


def _projected(source: Obj) -> list[str]:
    out = ["    Type:\tProjected (a volume that contains injected data from multiple sources)"]
    for part in source.get("sources") or ():
        if "secret" in part:
            out += [f"    SecretName:\t{part['secret'].get('name', '')}", f"    Optional:\t{sprint(part['secret'].get('optional', False))}"]
        elif "downwardAPI" in part:
            out.append("    DownwardAPI:\ttrue")
        elif "configMap" in part:
            out += [f"    ConfigMapName:\t{part['configMap'].get('name', '')}",
                    f"    Optional:\t{sprint(part['configMap'].get('optional', False))}"]
        elif "serviceAccountToken" in part:
            out.append(f"    TokenExpirationSeconds:\t{part['serviceAccountToken'].get('expirationSeconds', 3600)}")
    return out


def _downward(source: Obj) -> list[str]:
    out = ["    Type:\tDownwardAPI (a volume populated by information about the pod)", "    Items:"]
    for item in source.get("items") or ():
        if "fieldRef" in item:
            out.append(f"      {item['fieldRef'].get('fieldPath', '')} -> {item.get('path', '')}")
        if "resourceFieldRef" in item:
            out.append(f"      {item['resourceFieldRef'].get('resource', '')} -> {item.get('path', '')}")
    return out


def _ephemeral(source: Obj) -> list[str]:
    out = ["    Type:\tEphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)"]
    template = source.get("volumeClaimTemplate")
    if not template:
        return out
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    out += [f"    StorageClass:\t{spec.get('storageClassName', '')}", f"    Volume:\t{spec.get('volumeName', '')}"]
    for title, values, sign in (("Labels", meta.get("labels") or {}, "="), ("Annotations", meta.get("annotations") or {}, ": ")):
        shown = [f"{k}{sign}{values[k]}" for k in sorted(values)] or ["<none>"]
        out += [f"    {title}:\t{shown[0]}" if shown == ["<none>"] else f"    {title}:\t    {shown[0]}",
                *(f"        \t    {s}" for s in shown[1:])]
    out += ["    Capacity:\t", "    Access Modes:\t"]
    if spec.get("volumeMode"):
        out.append(f"    VolumeMode:\t{spec['volumeMode']}")
    return out


_SPECIAL: dict[str, Callable[[Obj], list[str]]] = {
    "emptyDir": _empty_dir, "projected": _projected, "downwardAPI": _downward, "ephemeral": _ephemeral}
