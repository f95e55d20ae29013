"""APIServices of group versions that this server itself serves: the built-in ones, and those of CustomResourceDefinitions.

`registry.initial` stores the built-in ones at a start, `controllers.api_services` follows the definitions. A group version is served
locally, so its APIService names no Service; its priorities order discovery. `apiregistration.k8s.io` has none: it is served before them.
Source: cmd/kube-apiserver/app/aggregator.go, pkg/controlplane/apiserver/aggregator.go, pkg/controlplane/controller/crdregistration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wherry.api.objects import Obj
from wherry.api.resources import Resource

#: which of our own makes they are: stored once per start, or kept as long as a definition serves the version
MANAGED = "kube-aggregator.kubernetes.io/automanaged"
ON_START, CONTINUOUSLY = "onstart", "true"
_CUSTOM = (1000, 100)
#: by group and version: priority of the group, priority of the version in it; without the groups' ends (`.k8s.io`) where all have one
_PRIORITIES = {
    ("", "v1"): (18000, 1),
    ("extensions", "v1beta1"): (17900, 1),
    ("apps", "v1beta1"): (17800, 1),
    ("apps", "v1beta2"): (17800, 9),
    ("apps", "v1"): (17800, 15),
    ("events.k8s.io", "v1"): (17750, 15),
    ("authentication.k8s.io", "v1"): (17700, 15),
    ("authorization.k8s.io", "v1"): (17600, 15),
    ("autoscaling", "v1"): (17500, 15),
    ("autoscaling", "v2"): (17500, 30),
    ("batch", "v1"): (17400, 15),
    ("certificates.k8s.io", "v1"): (17300, 15),
    ("networking.k8s.io", "v1"): (17200, 15),
    ("policy", "v1"): (17100, 15),
    ("rbac.authorization.k8s.io", "v1"): (17000, 15),
    ("storage.k8s.io", "v1"): (16800, 15),
    ("admissionregistration.k8s.io", "v1"): (16700, 15),
    ("apiextensions.k8s.io", "v1"): (16700, 15),
    ("scheduling.k8s.io", "v1"): (16600, 15),
    ("coordination.k8s.io", "v1"): (16500, 15),
    ("node.k8s.io", "v1"): (16300, 15),
    ("discovery.k8s.io", "v1"): (16200, 15),
    ("resource.k8s.io", "v1"): (16200, 21),
    ("flowcontrol.apiserver.k8s.io", "v1"): (16100, 21),
}


def built_in(rows: Iterable[Resource]) -> Iterator[Obj]:
    """One for each built-in group version among the rows."""
    for pair in dict.fromkeys((row.group, row.version) for row in rows if row.custom is None):
        if pair in _PRIORITIES:
            yield _local(*pair, _PRIORITIES[pair], ON_START)


def of_definitions(definitions: Iterable[Obj]) -> dict[str, Obj]:
    """By name, those of the group versions that CustomResourceDefinitions serve."""
    wanted: dict[str, Obj] = {}
    for each in definitions:
        group = each["spec"]["group"]
        for version in each["spec"]["versions"]:
            if version.get("served") and (group, version["name"]) not in _PRIORITIES:
                made = _local(group, version["name"], _CUSTOM, CONTINUOUSLY)
                wanted[made["metadata"]["name"]] = made
    return wanted


def _local(group: str, version: str, priorities: tuple[int, int], managed: str) -> Obj:
    spec: Obj = {"version": version, "groupPriorityMinimum": priorities[0], "versionPriority": priorities[1]}
    if group:
        spec = {"group": group, **spec}
    meta = {"name": f"{version}.{group}", "labels": {MANAGED: managed}}
    return {"kind": "APIService", "apiVersion": "apiregistration.k8s.io/v1", "metadata": meta, "spec": spec}
