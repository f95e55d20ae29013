"""FlowSchemas and PriorityLevelConfigurations of every cluster: how the reference shares its attention between clients.

`registry.initial` stores them at a start. What somebody changed stays, unless the annotation says that it follows the server; `exempt` and
`catch-all` always do. wherry keeps these objects as facts that clients read; it does not queue requests.
Source: k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go; KEP-1040.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from wherry.api.objects import Obj

GROUP = "flowcontrol.apiserver.k8s.io"
AUTO_UPDATE = "apf.kubernetes.io/autoupdate-spec"
#: these follow the server whatever their annotation says
MANDATORY = frozenset(("exempt", "catch-all"))

#: name: shares, percent that may be lent, and queues, how many of them a flow uses, how long each may be (none: rejected when full)
_LEVELS: dict[str, tuple[int, int, tuple[int, int, int] | None]] = {
    "catch-all": (5, 0, None),
    "system": (30, 33, (64, 6, 50)),
    "node-high": (40, 25, (64, 6, 50)),
    "leader-election": (10, 0, (16, 4, 50)),
    "workload-high": (40, 50, (128, 6, 50)),
    "workload-low": (100, 90, (128, 6, 50)),
    "global-default": (20, 50, (128, 6, 50)),
}
_NODES, _EVERYBODY = ["g:system:nodes"], ["g:system:unauthenticated", "g:system:authenticated"]
_KUBE_SYSTEM = "s:kube-system/*"
_CORE_NODES = ("*", "", "nodes,nodes/status", True)
_ALL = ("*", "*", "*", True)
_PATHS = ("*", "*")
#: name, level, precedence, what tells flows apart, subjects,
#: rules of resources (verbs, group, resources, cluster-wide too), rules of paths (verbs, urls)
_Schema = tuple[str, str, int, str, list[str], list[tuple[str, str, str, bool]], tuple[str, str] | None]
_SCHEMAS: tuple[_Schema, ...] = (
    ("exempt", "exempt", 1, "", ["g:system:masters"], [_ALL], _PATHS),
    ("catch-all", "catch-all", 10000, "ByUser", _EVERYBODY, [_ALL], _PATHS),
    ("probes", "exempt", 2, "", _EVERYBODY, [], ("get", "/healthz,/readyz,/livez")),
    (
        "system-leader-election",
        "leader-election",
        100,
        "ByUser",
        ["u:system:kube-controller-manager", "u:system:kube-scheduler", _KUBE_SYSTEM],
        [("get,create,update", "coordination.k8s.io", "leases", False)],
        None,
    ),
    ("system-node-high", "node-high", 400, "ByUser", _NODES, [_CORE_NODES, ("*", "coordination.k8s.io", "leases", False)], None),
    ("system-nodes", "system", 500, "ByUser", _NODES, [_ALL], _PATHS),
    ("kube-controller-manager", "workload-high", 800, "ByNamespace", ["u:system:kube-controller-manager"], [_ALL], _PATHS),
    ("kube-scheduler", "workload-high", 800, "ByNamespace", ["u:system:kube-scheduler"], [_ALL], _PATHS),
    ("kube-system-service-accounts", "workload-high", 900, "ByNamespace", [_KUBE_SYSTEM], [_ALL], _PATHS),
    ("service-accounts", "workload-low", 9000, "ByUser", ["g:system:serviceaccounts"], [_ALL], _PATHS),
    ("global-default", "global-default", 9900, "ByUser", _EVERYBODY, [_ALL], _PATHS),
)


def objects() -> Iterator[Obj]:
    """Levels before the schemas that lead to them."""
    spec: Obj = {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}
    yield {**_head("PriorityLevelConfiguration", "exempt"), "spec": spec, "status": {}}
    for name, level in _LEVELS.items():
        yield {**_head("PriorityLevelConfiguration", name), "spec": _level(*level), "status": {}}
    for row in _SCHEMAS:
        yield {**_head("FlowSchema", row[0]), "spec": _schema(row)}


@cache
def made(kind: str, name: str) -> Obj:
    """The object of that kind and name. Shared: not to be changed."""
    return next(obj for obj in objects() if obj["kind"] == kind and obj["metadata"]["name"] == name)


def level_of(schema: Obj) -> str:
    """The name of the level that it leads to."""
    named: str = ((schema.get("spec") or {}).get("priorityLevelConfiguration") or {}).get("name", "")
    return named


def dangling(schema: Obj, *, there: bool, now: str) -> Obj:
    """The condition of a schema whose level is there, or is not."""
    text = f'This FlowSchema references the PriorityLevelConfiguration object named "{level_of(schema)}" '
    status, reason, rest = ("False", "Found", "and it exists") if there else ("True", "NotFound", "but there is no such object")
    return {"type": "Dangling", "status": status, "lastTransitionTime": now, "reason": reason, "message": text + rest}


def follows(existing: Obj) -> bool:
    """Does the stored object's spec become what the server thinks it should be?"""
    meta = existing["metadata"]
    return meta["name"] in MANDATORY or (meta.get("annotations") or {}).get(AUTO_UPDATE) == "true"


def _head(kind: str, name: str) -> Obj:
    return {"kind": kind, "apiVersion": f"{GROUP}/v1", "metadata": {"name": name, "annotations": {AUTO_UPDATE: "true"}}}


def _level(shares: int, lendable: int, queues: tuple[int, int, int] | None) -> Obj:
    response: Obj = {"type": "Reject"}
    if queues is not None:
        response = {"type": "Queue", "queuing": {"queues": queues[0], "handSize": queues[1], "queueLengthLimit": queues[2]}}
    limited = {"nominalConcurrencyShares": shares, "limitResponse": response, "lendablePercent": lendable}
    return {"type": "Limited", "limited": limited}


def _schema(row: tuple[Any, ...]) -> Obj:
    _, level, precedence, method, subjects, resources, paths = row
    rule: Obj = {"subjects": [_subject(text) for text in subjects]}
    if resources:
        rule["resourceRules"] = [_resources(*each) for each in resources]
    if paths is not None:
        rule["nonResourceRules"] = [{"verbs": paths[0].split(","), "nonResourceURLs": paths[1].split(",")}]
    spec: Obj = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
    if method:
        spec["distinguisherMethod"] = {"type": method}
    return {**spec, "rules": [rule]}


def _resources(verbs: str, group: str, resources: str, cluster: bool) -> Obj:
    rule: Obj = {"verbs": verbs.split(","), "apiGroups": [group], "resources": resources.split(",")}
    if cluster:
        rule["clusterScope"] = True
    return {**rule, "namespaces": ["*"]}


def _subject(text: str) -> Obj:
    kind, name = text[0], text[2:]
    if kind == "g":
        return {"kind": "Group", "group": {"name": name}}
    if kind == "u":
        return {"kind": "User", "user": {"name": name}}
    namespace, _, own = name.partition("/")
    return {"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": own}}
