"""Which fields of the reference's Go structs are an embedded struct's: its name stands in the path that a type error names.

Called by `check`. Read off the `json:",inline"` members in staging/src/k8s.io/api; the rule is Go's (encoding/json, decode.go).
"""

from __future__ import annotations

_REFERENCE = {"name": "LocalObjectReference"}
_PROBES = dict.fromkeys(("exec", "grpc", "httpGet", "tcpSocket"), "ProbeHandler")
_RULE = dict.fromkeys(("apiGroups", "apiVersions", "resources", "scope"), "Rule")

#: struct -> field -> the embedded structs on the way to it
_BY_FIELD: dict[str, dict[str, str]] = {
    "ConfigMapEnvSource": _REFERENCE,
    "ConfigMapKeySelector": _REFERENCE,
    "ConfigMapProjection": _REFERENCE,
    "ConfigMapVolumeSource": _REFERENCE,
    "DeviceAllocationConfiguration": {"opaque": "DeviceConfiguration"},
    "DeviceClaimConfiguration": {"opaque": "DeviceConfiguration"},
    "DeviceClassConfiguration": {"opaque": "DeviceConfiguration"},
    "IngressRule": {"http": "IngressRuleValue"},
    "NamedRuleWithOperations": {
        "operations": "RuleWithOperations", **{name: f"RuleWithOperations.{embedded}" for name, embedded in _RULE.items()}
    },
    "PersistentVolumeClaim": {"apiVersion": "TypeMeta", "kind": "TypeMeta"},
    "Probe": _PROBES,
    "RuleWithOperations": _RULE,
    "SecretEnvSource": _REFERENCE,
    "SecretKeySelector": _REFERENCE,
    "SecretProjection": _REFERENCE,
}  # fmt: skip
#: struct -> the struct embedded in it, and the fields that are not that struct's
_BUT_FOR: dict[str, tuple[str, frozenset[str]]] = {
    "EphemeralContainer": ("EphemeralContainerCommon", frozenset(("targetContainerName",))),
    "PersistentVolumeSpec": (
        "PersistentVolumeSource",
        frozenset(
            (
                "accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "persistentVolumeReclaimPolicy", "storageClassName",
                "volumeAttributesClassName", "volumeMode",
            )
        ),
    ),
    "Volume": ("VolumeSource", frozenset(("name",))),
}  # fmt: skip


def embedding(struct: str, field: str) -> str:
    """The embedded structs between a struct and a field that JSON shows as its own, joined by dots; "" for a field of its own."""
    if (fields := _BY_FIELD.get(struct)) is not None:
        return fields.get(field, "")
    if (found := _BUT_FOR.get(struct)) is not None and field not in found[1]:
        return found[0]
    return ""
