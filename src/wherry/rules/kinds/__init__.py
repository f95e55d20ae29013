"""Strategies of the built-in kinds, one file per API group, each exporting `STRATEGIES`; here they are joined.

A file is imported when the first object of one of its kinds is written or read: most clusters use a few kinds of the many.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from wherry.rules.objects.strategy import Strategy

#: group -> file
_OF_GROUP = {
    "": "core",
    "admissionregistration.k8s.io": "admission",
    "apiextensions.k8s.io": "extensions",
    "apiregistration.k8s.io": "extensions",
    "apps": "workloads",
    "autoscaling": "autoscaling",
    "batch": "workloads",
    "certificates.k8s.io": "certificates",
    "coordination.k8s.io": "small",
    "discovery.k8s.io": "small",
    "events.k8s.io": "events",
    "flowcontrol.apiserver.k8s.io": "plain",
    "networking.k8s.io": "network",
    "node.k8s.io": "small",
    "policy": "policy",
    "rbac.authorization.k8s.io": "rbac",
    "resource.k8s.io": "devices",
    "scheduling.k8s.io": "small",
    "storage.k8s.io": "storage",
}
#: kinds of the core group that have a file of their own
_OF_KIND = {
    "Event": "events",
    "PersistentVolume": "storage",
    "PersistentVolumeClaim": "storage",
    "Pod": "pods",
    "PodTemplate": "workloads",
    "ReplicationController": "workloads",
}


class Strategies(Mapping[str, Strategy]):
    """group_kind ("Deployment.apps", "Pod") -> how objects of that kind are written."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, Strategy]] = {}
        self._found: dict[str, Strategy] = {}

    def __getitem__(self, key: str) -> Strategy:
        found = self._found.get(key)
        if found is None:
            file = _OF_KIND.get(key) or _OF_GROUP.get(key.partition(".")[2])
            if file is None:
                raise KeyError(key)
            found = self._found[key] = self._file(file)[key]
        return found

    def __iter__(self) -> Iterator[str]:
        for file in sorted({*_OF_GROUP.values(), *_OF_KIND.values()}):
            yield from self._file(file)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _file(self, name: str) -> dict[str, Strategy]:
        if name not in self._files:
            self._files[name] = import_module(f"wherry.rules.kinds.{name}").STRATEGIES
        return self._files[name]


STRATEGIES = Strategies()
