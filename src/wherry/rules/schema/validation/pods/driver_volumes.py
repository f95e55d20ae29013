"""Volumes of storage systems that a pod names itself: NFS, iSCSI, Fibre Channel and what was once served inside Kubernetes.

Called by the rules of volumes through `DRIVERS`: the source's name -> its rule.
Source: pkg/apis/core/validation validateNFSVolumeSource, validateISCSIVolumeSource, validateFCVolumeSource and their likes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from wherry.api.field import Errors, child, invalid, key, not_supported, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label, in_range, length

Rule = Callable[[Obj, str], Errors]

_BAD_START = "must be valid format starting with iqn, eui, or naa"
_FORMATS = {
    "iqn": re.compile(r"iqn\.[0-9]{4}-[0-9]{2}\.([0-9A-Za-z.-]+)(:[^,;*&$|\t\n\f\r ]+)\Z").search,
    "eui": re.compile(r"eui.[0-9A-Za-z]{16}\Z").match,
    "naa": re.compile(r"naa.[0-9A-Za-z]{32}\Z").match,
}
_CACHING = ("None", "ReadOnly", "ReadWrite")
_DISKS = ("Dedicated", "Managed", "Shared")
_MANAGED_URI = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
_BLOB_URI = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
_PAIRS = "must be a host:port pair or multiple pairs separated by commas"


def _needs(source: Obj, path: str, *names: str) -> Errors:
    return [required(child(path, n)) for n in names if not source.get(n)]


def _plain(*names: str) -> Rule:
    """A source with required fields and nothing else to look at."""
    return partial(_needs_of, names)


def _needs_of(names: tuple[str, ...], source: Obj, path: str) -> Errors:
    return _needs(source, path, *names)


def _disk(name: str, source: Obj, path: str) -> Errors:
    partition = source.get("partition") or 0
    errors = _needs(source, path, name)
    return errors if 0 <= partition <= 255 else [*errors, invalid(child(path, "partition"), partition, in_range(1, 255))]


def _nfs(source: Obj, path: str) -> Errors:
    where = source.get("path") or ""
    errors = _needs(source, path, "server", "path")
    return errors if where.startswith("/") else [*errors, invalid(child(path, "path"), where, "must be an absolute path")]


def _iscsi(source: Obj, path: str) -> Errors:
    errors = _needs(source, path, "targetPortal", "iqn")
    if iqn := source.get("iqn"):
        errors += _initiator(iqn, child(path, "iqn"))
    errors += _lun(source.get("lun") or 0, path)
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        errors.append(required(child(path, "secretRef")))
    name = source.get("initiatorName")
    return errors if name is None else errors + _initiator(name, child(path, "initiatorname"))


def _initiator(name: str, path: str) -> Errors:
    is_good = _FORMATS.get(name[:3])
    if is_good is None:
        return [invalid(path, name, _BAD_START)]
    return [] if is_good(name) else [invalid(path, name, "must be valid format")]


def _lun(lun: int, path: str) -> Errors:
    return [] if 0 <= lun <= 255 else [invalid(child(path, "lun"), lun, in_range(0, 255))]


def iscsi_name(source: Obj, volume: str, path: str) -> Errors:
    """The volume's name becomes part of an interface's name, which is short."""
    if source.get("initiatorName") is None or length(f"{volume}:{source.get('targetPortal') or ''}") <= 64:
        return []
    text = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified."
    return [invalid(path, volume, text)]


def _fc(source: Obj, path: str) -> Errors:
    names, ids, lun, at = source.get("targetWWNs"), source.get("wwids"), source.get("lun"), child(path, "targetWWNs")
    errors: Errors = []
    if not names and not ids:
        errors.append(required(at, "must specify either targetWWNs or wwids, but not both"))
    if names and ids:
        errors.append(invalid(at, names, "targetWWNs and wwids can not be specified simultaneously"))
    if not names:
        return errors
    return errors + ([required(child(path, "lun"), "lun is required if targetWWNs is specified")] if lun is None else _lun(lun, path))


def _flocker(source: Obj, path: str) -> Errors:
    name, uuid = source.get("datasetName") or "", source.get("datasetUUID")
    errors: Errors = []
    if not name and not uuid:
        errors.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        errors.append(invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously"))
    return [*errors, invalid(child(path, "datasetName"), name, "must not contain '/'")] if "/" in name else errors


def _secret_name(source: Obj, path: str) -> Errors:
    secret = source.get("secretRef")
    return [] if secret is None else _needs(secret, child(path, "secretRef"), "name")


def _cinder(source: Obj, path: str) -> Errors:
    return _needs(source, path, "volumeID") + _secret_name(source, path)


def _storage_os(source: Obj, path: str) -> Errors:
    errors = _needs(source, path, "volumeName")
    for name in ("volumeName", "volumeNamespace"):
        if value := source.get(name):
            errors += [invalid(child(path, name), value, m) for m in dns1123_label(value)]
    return errors + _secret_name(source, path)


def _quobyte(source: Obj, path: str) -> Errors:
    registry, at = source.get("registry"), child(path, "registry")
    errors: Errors = []
    if not registry:
        errors.append(required(at, _PAIRS))
    elif length(source.get("tenant") or "") >= 65:
        errors.append(required(child(path, "tenant"), "must be a UUID and may not exceed a length of 64 characters"))
    else:
        errors += [invalid(at, registry, _PAIRS) for pair in registry.split(",") if not _host_and_port(pair)]
    return errors + _needs(source, path, "volume")


def _host_and_port(pair: str) -> bool:
    """One colon after the host; a host with colons stands in brackets."""
    if pair.startswith("["):
        host, found, port = pair[1:].partition("]:")
        return bool(found) and not set("[]") & set(host + port) and ":" not in port
    return pair.count(":") == 1 and not set("[]") & set(pair)


def _flex(source: Obj, path: str) -> Errors:
    errors = _needs(source, path, "driver")
    for option in source.get("options") or ():
        namespace = "." + option.partition("/")[0].lower()
        if namespace.endswith((".kubernetes.io", ".k8s.io")):
            errors.append(invalid(key(child(path, "options"), option), option, "kubernetes.io and k8s.io namespaces are reserved"))
    return errors


def _azure_disk(source: Obj, path: str) -> Errors:
    errors = _needs(source, path, "diskName", "diskURI")
    for name, supported in (("cachingMode", _CACHING), ("kind", _DISKS)):
        value = source.get(name)
        if value is not None and value not in supported:
            errors.append(not_supported(child(path, name), value, supported))
    kind, uri = source.get("kind"), source.get("diskURI") or ""
    if kind is None:
        return errors
    start, form = ("/subscriptions/", _MANAGED_URI) if kind == "Managed" else ("https://", _BLOB_URI)
    return errors if uri.startswith(start) else [*errors, not_supported(child(path, "diskURI"), uri, (form,))]


DRIVERS: dict[str, Rule] = {
    "persistentVolumeClaim": _plain("claimName"),
    "nfs": _nfs,
    "iscsi": _iscsi,
    "fc": _fc,
    "gcePersistentDisk": partial(_disk, "pdName"),
    "awsElasticBlockStore": partial(_disk, "volumeID"),
    "glusterfs": _plain("endpoints", "path"),
    "flocker": _flocker,
    "rbd": _plain("monitors", "image"),
    "cinder": _cinder,
    "cephfs": _plain("monitors"),
    "quobyte": _quobyte,
    "flexVolume": _flex,
    "azureFile": _plain("secretName", "shareName"),
    "azureDisk": _azure_disk,
    "vsphereVolume": _plain("volumePath"),
    "photonPersistentDisk": _plain("pdID"),
    "portworxVolume": _plain("volumeID"),
    "storageos": _storage_os,
    "scaleIO": _plain("gateway", "system", "volumeName"),
}
