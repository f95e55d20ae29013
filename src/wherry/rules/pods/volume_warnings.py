"""Warnings about the volumes of a pod: sources that are going or gone, files that overlap.

Called by `pod_warnings`. Pure. Source: pkg/api/pod/warnings.go, pkg/api/persistentvolumeclaim/util.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api.field import child, index, show
from wherry.api.objects import Obj
from wherry.rules.pods.container_warnings import fractional

#: in the order in which the reference looks at them; the claim template stands between the seventh and the eighth
_GONE = (
    ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
)
#: where the path in the message is not the field's name
_SHOWN = {"storageos": "storageOS"}


class _File(NamedTuple):
    path: str
    source: str

    def __str__(self) -> str:
        return f"{show(self.path)} ({self.source})" if self.source else show(self.path)


def volume_warnings(volumes: list[Obj], at: str) -> list[str]:
    warnings: list[str] = []
    for i, volume in enumerate(volumes):
        place = index(at, i)
        warnings += [f"{child(place, _SHOWN.get(kind, kind))}: {text}" for kind, text in _GONE if volume.get(kind) is not None]
        if template := (volume.get("ephemeral") or {}).get("volumeClaimTemplate"):
            resources = (template.get("spec") or {}).get("resources") or {}
            for which in ("requests", "limits"):
                path = child(place, "ephemeral", "volumeClaimTemplate", "spec", "resources", which)
                warnings += fractional(resources.get(which) or {}, path, ("storage",))
    return warnings


def overlap_warnings(volumes: list[Obj]) -> list[str]:
    """Files of one volume that would hide each other."""
    warnings: list[str] = []
    for volume in volumes:
        name = volume.get("name") or ""
        for kind, described in _plain(volume):
            listed = (volume[kind] or {}).get("items") or ()
            warnings += _overlaps(name, described, [_File(item.get("path") or "", "") for item in listed])
        projected = volume.get("projected")
        if projected is not None:
            warnings += _projected(name, projected.get("sources") or ())
    return warnings


def _plain(volume: Obj) -> Iterable[tuple[str, str]]:
    if config := volume.get("configMap"):
        yield "configMap", f"ConfigMap {show(config.get('name') or '')}"
    if secret := volume.get("secret"):
        yield "secret", f"Secret {show(secret.get('secretName') or '')}"
    if volume.get("downwardAPI"):
        yield "downwardAPI", "DownwardAPI"


def _projected(name: str, sources: Iterable[Obj]) -> list[str]:
    files: list[_File] = []
    empty: list[str] = []
    for source in sources:
        if not any(value is not None for value in source.values()):
            empty.append(f"volume {show(name)} (Projected) has no sources provided")
        files += _files(source)
    return empty + _overlaps(name, "Projected", files)


def _files(source: Obj) -> list[_File]:
    """The files that one source of a projected volume makes."""
    for kind, label in (("configMap", "ConfigMap"), ("secret", "Secret"), ("downwardAPI", "DownwardAPI")):
        if found := source.get(kind):
            described = label if kind == "downwardAPI" else f"{label} {show(found.get('name') or '')}"
            return [_File(item.get("path") or "", described) for item in found.get("items") or ()]
    if token := source.get("serviceAccountToken"):
        return [_File(token.get("path") or "", "ServiceAccountToken")]
    if bundle := source.get("clusterTrustBundle"):
        return [_File(bundle.get("path") or "", f"ClusterTrustBundle {show(bundle.get('name') or bundle.get('signerName') or '')}")]
    certificate = source.get("podCertificate") or {}
    parts = (("certificateChainPath", "chain"), ("keyPath", "key"), ("credentialBundlePath", "credential bundle"))
    return [_File(certificate[field], f"PodCertificate {what}") for field, what in parts if certificate.get(field)]


def _overlaps(volume: str, described: str, files: Iterable[_File]) -> list[str]:
    warnings: list[str] = []
    earlier: list[_File] = []
    for file in (_File(f.path.rstrip("/"), f.source) for f in files):
        for other in earlier if file.path else ():
            if other.path and (f"{other.path}/".startswith(f"{file.path}/") or f"{file.path}/".startswith(f"{other.path}/")):
                warnings.append(f"volume {show(volume)} ({described}): overlapping paths: {file} with {other}")
        earlier.append(file)
    return warnings
