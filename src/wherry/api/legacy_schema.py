"""Schemas of the group-versions of the past, made from those of apps/v1, and the few types that only they had.

Called by `schema_data` for names it has no file of. A type is that of apps/v1 under another name, but for fields that came and went:
`spec.rollbackTo` of Deployments, `spec.templateGeneration` of DaemonSets, and a selector that need not be given.
Source: staging/src/k8s.io/api/{extensions,apps}/v1beta*/types.go.
"""

from __future__ import annotations

from typing import Any

_BASE = "io.k8s.api.apps.v1."
PREFIXES = ("io.k8s.api.extensions.v1beta1.", "io.k8s.api.apps.v1beta1.", "io.k8s.api.apps.v1beta2.")
_SHARED = ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "RollingUpdate")
_META = "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_INT32 = {"type": "integer", "format": "int32"}
_INT64 = {"type": "integer", "format": "int64"}
_TEXT = {"type": "string"}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}


def _split(name: str) -> tuple[str, str]:
    """(prefix, type), of a name that begins with one of PREFIXES; else ("", "")."""
    prefix = next((p for p in PREFIXES if name.startswith(p)), "")
    return prefix, name.removeprefix(prefix) if prefix else ""


def base_of(name: str) -> str:
    """The apps/v1 definition that a name is made from; "" when it is none of ours, or a type of its own."""
    prefix, kind = _split(name)
    return _BASE + kind if prefix and kind.startswith(_SHARED) and kind != "DeploymentRollback" else ""


def own(name: str) -> dict[str, Any] | None:
    """The definition of a type that apps/v1 does not have."""
    prefix, kind = _split(name)
    head = {"apiVersion": _TEXT, "kind": _TEXT}
    types: dict[str, dict[str, Any]] = {
        "RollbackConfig": {"revision": _INT64},
        "DeploymentRollback": head | {"name": _TEXT, "updatedAnnotations": _TEXTS, "rollbackTo": _ref(prefix, "RollbackConfig")},
        "Scale": head | {"metadata": {"$ref": _META}, "spec": _ref(prefix, "ScaleSpec"), "status": _ref(prefix, "ScaleStatus")},
        "ScaleSpec": {"replicas": _INT32},
        "ScaleStatus": {"replicas": _INT32, "selector": _TEXTS, "targetSelector": _TEXT},
    }
    return {"type": "object", "properties": types[kind]} if prefix and kind in types else None


def _ref(prefix: str, kind: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{prefix}{kind}"}


def changed(name: str, raw: dict[str, Any]) -> dict[str, Any]:
    """The apps/v1 definition `raw`, which may be changed, as the one of that name."""
    prefix, kind = _split(name)
    made: dict[str, Any] = _renamed(raw, prefix)
    if kind.endswith("Spec") and prefix != PREFIXES[2]:
        made["required"] = [field for field in made.get("required", ()) if field != "selector"]
        if kind == "DeploymentSpec":
            made["properties"]["rollbackTo"] = _ref(prefix, "RollbackConfig")
        elif kind == "DaemonSetSpec":
            made["properties"]["templateGeneration"] = _INT64
    group, version = prefix.split(".")[3:5]
    if "enum" in (named := made["properties"].get("apiVersion", {})):
        named["enum"] = [f"{group}/{version}"]
    for gvk in made.get("x-kubernetes-group-version-kind", ()):
        gvk |= {"group": group, "version": version}
    return made


def _renamed(value: Any, prefix: str) -> Any:
    if isinstance(value, dict):
        return {k: _reference(v, prefix) if k == "$ref" else _renamed(v, prefix) for k, v in value.items()}
    return [_renamed(v, prefix) for v in value] if isinstance(value, list) else value


def _reference(ref: str, prefix: str) -> str:
    head, _, name = ref.rpartition("/")
    return f"{head}/{prefix}{name.removeprefix(_BASE)}" if name.startswith(_BASE) else ref
