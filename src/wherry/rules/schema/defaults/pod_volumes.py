"""Defaults of the volumes of a pod.

Called by the defaults of pod specs. Changes the private draft in place. Idempotent.
Source: pkg/apis/core/v1/defaults.go, zz_generated.defaults.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.schema.defaults.containers import default_resources, field_reference, pull_policy

_MODE = 0o644
_TOKEN_SECONDS = 3600

#: sources whose defaults are mere values
_PLAIN: dict[str, tuple[tuple[str, object], ...]] = {
    "secret": (("defaultMode", _MODE),),
    "configMap": (("defaultMode", _MODE),),
    "downwardAPI": (("defaultMode", _MODE),),
    "projected": (("defaultMode", _MODE),),
    "hostPath": (("type", ""),),
    "azureDisk": (("cachingMode", "ReadWrite"), ("fsType", "ext4"), ("readOnly", False), ("kind", "Shared")),
}
#: the same, where an empty text counts as absent
_TEXTS: dict[str, tuple[tuple[str, str], ...]] = {
    "iscsi": (("iscsiInterface", "default"),),
    "rbd": (("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")),
    "scaleIO": (("storageMode", "ThinProvisioned"), ("fsType", "xfs")),
}


def default_pod_volume(volume: Obj) -> None:
    """A volume that says no source is an empty directory."""
    if not any(value is not None for name, value in volume.items() if name != "name"):
        volume["emptyDir"] = {}
        return
    for kind, source in volume.items():
        if source is None or kind == "name":
            continue
        default_source(kind, source)
        if kind == "downwardAPI":
            _files(source)
        elif kind == "projected":
            _projection(source)
        elif kind == "ephemeral":
            _claim(source)
        elif kind == "image" and not source.get("pullPolicy"):
            source["pullPolicy"] = pull_policy(source.get("reference") or "")


def default_source(kind: str, source: Obj) -> None:
    """What a volume of that kind gets, in a pod or by itself."""
    for name, value in _PLAIN.get(kind, ()):
        if source.get(name) is None:
            source[name] = value
    for name, text in _TEXTS.get(kind, ()):
        if not source.get(name):
            source[name] = text


def _files(source: Obj) -> None:
    for item in source.get("items") or ():
        if (reference := item.get("fieldRef")) is not None:
            field_reference(reference)


def _projection(projected: Obj) -> None:
    for source in projected.get("sources") or ():
        if downward := source.get("downwardAPI"):
            _files(downward)
        if (token := source.get("serviceAccountToken")) is not None and token.get("expirationSeconds") is None:
            token["expirationSeconds"] = _TOKEN_SECONDS


def _claim(ephemeral: Obj) -> None:
    if (template := ephemeral.get("volumeClaimTemplate")) is None:
        return
    spec = template.setdefault("spec", {})
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    default_resources(spec.setdefault("resources", {}))
