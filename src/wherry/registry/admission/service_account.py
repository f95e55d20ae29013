"""ServiceAccount: every pod runs as an account, and gets that account's token mounted.

Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#serviceaccount-admission-controller
"""

from __future__ import annotations

import random

from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.core import ALPHABET
from wherry.registry.request import Operation, Request
from wherry.store.protocol import Store

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
#: one hour and a little, so that a renewal at 80 % never meets the end (the reference's figure)
TOKEN_SECONDS = 3607


class ServiceAccount:
    def __init__(self, store: Store, rng: random.Random) -> None:
        self._store = store
        self._rng = rng

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "CREATE" and resource.group_resource == "pods" and not subresource

    async def admit(self, request: Request) -> None:
        """Raises Forbidden when the account does not exist. Mirror pods are left as they are."""
        pod = request.draft
        if "kubernetes.io/config.mirror" in (pod["metadata"].get("annotations") or {}):
            return
        spec = pod["spec"]
        name = spec.get("serviceAccountName") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        record = await self._store.get(f"serviceaccounts/{request.namespace}/{name}")
        if record is None:
            why = f'error looking up service account {request.namespace}/{name}: serviceaccount "{name}" not found'
            raise request.forbidden(why)
        account = record.object()
        if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [{"name": s.get("name", "")} for s in account["imagePullSecrets"]]
        if _wants_token(spec, account):
            volume = "kube-api-access-" + "".join(self._rng.choices(ALPHABET, k=5))
            await request.compute(lambda: _mount_token(spec, volume))


def _wants_token(spec: Obj, account: Obj) -> bool:
    for where in (spec, account):
        if "automountServiceAccountToken" in where:
            return bool(where["automountServiceAccountToken"])
    return True


def _mount_token(spec: Obj, volume: str) -> None:
    used = False
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        mounts = container.get("volumeMounts") or []
        if not any(m.get("mountPath") == MOUNT_PATH for m in mounts):
            container["volumeMounts"] = [*mounts, {"name": volume, "readOnly": True, "mountPath": MOUNT_PATH}]
            used = True
    if used:
        spec["volumes"] = [*(spec.get("volumes") or ()), _token_volume(volume)]


def _token_volume(name: str) -> Obj:
    sources = [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
