"""The roles and bindings that every cluster has, from their compact form to objects.

Called once per start by `registry.default_roles`, with the decoded `default_policy.json`: roles are rows of (verbs, groups, resources,
names) or (verbs, paths), lists are joined by commas; subjects are `u:`ser, `g:`roup or `s:`ervice account; a role `system:controller:X` is
bound to the account X of kube-system unless the data says otherwise.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings, as of Kubernetes v1.36.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wherry.api.objects import Obj

GROUP = "rbac.authorization.k8s.io"
API_VERSION = f"{GROUP}/v1"
AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate"
_LABEL = "kubernetes.io/bootstrapping"
_CONTROLLER = "system:controller:"
_KINDS = {"u": "User", "g": "Group"}


def objects(data: dict[str, Any]) -> Iterator[Obj]:
    """Every default object, roles before what binds them."""
    roles: dict[str, Any] = data["clusterRoles"]
    bindings: dict[str, list[str]] = data["clusterRoleBindings"]
    for name, entry in roles.items():
        yield _role("ClusterRole", name, entry if isinstance(entry, dict) else {"rules": entry})
    for name, entry in data["roles"].items():
        yield _role("Role", name, {"rules": entry})
    for name, (role, *subjects) in bindings.items():
        yield _binding("ClusterRoleBinding", name, role or name, subjects)
    for name in roles:
        if name.startswith(_CONTROLLER) and name not in bindings:
            yield _binding("ClusterRoleBinding", name, name, [f"s:kube-system/{name.removeprefix(_CONTROLLER)}"])
    for name, (role, *subjects) in data["roleBindings"].items():
        yield _binding("RoleBinding", name, role, subjects)


def owned_fields(obj: Obj) -> Obj:
    """The fields of a default object that its writer owns, as FieldsV1: what tracking finds, known beforehand."""
    meta = obj["metadata"]
    marks: Obj = {f"f:{part}": {".": {}, **{f"f:{key}": {} for key in meta[part]}} for part in ("annotations", "labels")}
    fields: Obj = {"f:metadata": marks}
    if "aggregationRule" in obj:
        return {"f:aggregationRule": {".": {}, "f:clusterRoleSelectors": {}}, **fields}
    return fields | {f"f:{part}": {} for part in ("roleRef", "rules", "subjects") if obj.get(part)}


def _head(kind: str, name: str, labels: dict[str, str]) -> Obj:
    """`name` may be `namespace/name`. The keys are in the order in which the registry stores them."""
    space, _, own = name.rpartition("/")
    meta: Obj = {"name": own, "annotations": {AUTO_UPDATE: "true"}, "labels": {_LABEL: "rbac-defaults", **labels}}
    if space:
        meta["namespace"] = space
    return {"kind": kind, "apiVersion": API_VERSION, "metadata": meta}


def _aggregate_to(role: str) -> dict[str, str]:
    return {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true"}


def _role(kind: str, name: str, entry: dict[str, Any]) -> Obj:
    obj = _head(kind, name, _aggregate_to(entry["label"]) if "label" in entry else {})
    if "aggregates" in entry:
        obj["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": _aggregate_to(entry["aggregates"])}]}
        obj["rules"] = None
    else:
        obj["rules"] = [_rule(row) for row in entry["rules"]]
    return obj


def _rule(row: list[str]) -> Obj:
    verbs, *rest = (part.split(",") for part in row)
    if len(rest) == 1:
        return {"verbs": verbs, "nonResourceURLs": rest[0]}
    return {"verbs": verbs, **dict(zip(("apiGroups", "resources", "resourceNames"), rest, strict=False))}


def _binding(kind: str, name: str, role: str, subjects: list[str]) -> Obj:
    obj = _head(kind, name, {})
    obj["roleRef"] = {"apiGroup": GROUP, "kind": kind.removesuffix("Binding"), "name": role}
    if subjects:
        obj["subjects"] = [_subject(text) for text in subjects]
    return obj


def _subject(text: str) -> Obj:
    kind, name = text[0], text[2:]
    if kind == "s":
        space, _, own = name.partition("/")
        return {"kind": "ServiceAccount", "name": own, "namespace": space}
    return {"kind": _KINDS[kind], "name": name, "apiGroup": GROUP}
