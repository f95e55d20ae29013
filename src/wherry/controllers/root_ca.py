"""The ConfigMap `kube-root-ca.crt` in every namespace: the certificate with which pods verify the API server.

Made with the namespace, made again when deleted, put right when changed.
Source: pkg/controller/certificates/rootcacertpublisher/publisher.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, name, namespace, with_metadata
from wherry.api.resources import resource
from wherry.reconcile.controller import Controller, Parts
from wherry.rules.objects.plan import Create, Plan, Update
from wherry.rules.workloads.replicaset.replicas import is_namespace_terminating

NAME = "kube-root-ca.crt"
DESCRIPTION = "kubernetes.io/description"
TEXT = ("Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP "
        "or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.")


class RootCAController(Controller):
    """Its keys are names of namespaces. `ca_pem`: the cluster's CA certificate."""

    name = "root-ca-certificate-publisher-controller"

    def __init__(self, parts: Parts, ca_pem: str) -> None:
        super().__init__(parts)
        self._data = {"ca.crt": ca_pem}
        self.watch(resource("namespaces"), _active)
        self._config_maps = self.watch(resource("configmaps"), _changed)

    async def reconcile(self, key: str) -> float | None:
        current = self._config_maps.get(f"{key}/{NAME}")
        if current is not None and current.get("data") == self._data and _annotations(current).get(DESCRIPTION):
            return None
        action = Create(self._wanted(key)) if current is None else Update(self._corrected(current))
        error = (await self.apply(Plan((action,)))).error
        if error is not None and not (current is None and (isinstance(error, NotFound) or is_namespace_terminating(error))):
            raise error
        return None

    def _wanted(self, namespace: str) -> Obj:
        metadata = {"name": NAME, "namespace": namespace, "annotations": {DESCRIPTION: TEXT}}
        return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": dict(self._data)}

    def _corrected(self, current: Obj) -> Obj:
        return {**with_metadata(current, annotations={**_annotations(current), DESCRIPTION: TEXT}), "data": dict(self._data)}


def _active(old: Obj | None, new: Obj | None) -> Iterable[str]:
    if new is None or (old is not None and new["status"].get("phase") != "Active"):
        return ()
    return (name(new),)


def _changed(old: Obj | None, new: Obj | None) -> Iterable[str]:
    """Changes and deletions; additions are our own."""
    return (namespace(old),) if old is not None and name(old) == NAME else ()


def _annotations(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}
