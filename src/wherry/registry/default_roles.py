"""Makes sure that a cluster has its default roles and bindings, each granting at least what it should.

Called by the cluster at every start, before anybody can ask for them. What is there and right is only read.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation; pkg/registry/rbac/rest/storage_rbac.go.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from wherry.api.errors import AlreadyExists, Conflict, NotFound
from wherry.api.objects import Obj
from wherry.api.options import ADMIN, DeleteOptions, Target, WriteOptions
from wherry.api.resources import TABLE, Resource, resource
from wherry.registry.core import key
from wherry.registry.rbac.data import default_policy, own_policy
from wherry.registry.registry import Registry
from wherry.rules.access.rbac.defaults import objects, owned_fields
from wherry.rules.access.rbac.reconcile import step

MANAGER = "kube-apiserver"
_OPTIONS = WriteOptions(user_agent=MANAGER, trusted=True)


async def ensure(registry: Registry) -> None:
    """Raises StatusError. The writes share the store's commits."""
    wanted = (*objects(default_policy()), *objects(own_policy()))
    work = [one for expected in wanted if (one := await _work(registry, expected)) is not None]
    if work:
        for namespace in {obj["metadata"].get("namespace", "") for _, obj, _, _ in work} - {""}:
            await _namespace(registry, namespace)
        await asyncio.gather(*(_carry_out(registry, *one) for one in work))


async def _work(registry: Registry, expected: Obj) -> tuple[Resource, Obj, str, Obj | None] | None:
    kind = TABLE.by_kind(expected["apiVersion"], expected["kind"])
    assert kind is not None
    meta = expected["metadata"]
    record = await registry.store.get(key(kind, meta.get("namespace", ""), meta["name"]))
    existing: Obj | None = record.object() if record is not None else None
    what, obj = step(expected, existing)
    return None if what == "nothing" else (kind, obj, what, existing)


async def _namespace(registry: Registry, name: str) -> None:
    kind = resource("namespaces")
    if await registry.store.get(key(kind, "", name)) is None:
        obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {"name": name}}
        with suppress(AlreadyExists):  # another server was quicker
            await registry.create(Target(kind), obj, WriteOptions(user_agent=MANAGER), ADMIN)


async def _carry_out(registry: Registry, kind: Resource, obj: Obj, what: str, existing: Obj | None) -> None:
    namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
    if what == "update":
        with suppress(Conflict):  # another server does the same
            await registry.update(Target(kind, namespace, name), obj, _OPTIONS, ADMIN)
        return
    if what == "recreate" and existing is not None:
        try:
            await registry.delete(Target(kind, namespace, name), DeleteOptions(uid=existing["metadata"]["uid"]), ADMIN)
        except NotFound:
            existing = None
    await _create(registry, kind, obj)


async def _create(registry: Registry, kind: Resource, obj: Obj) -> None:
    """Stores the object as a create would, without looking for errors that a fact of ours does not have: most of a first start."""
    core = registry.core
    now = core.timestamp()
    owner = {"manager": MANAGER, "operation": "Update", "apiVersion": kind.api_version, "time": now, "fieldsType": "FieldsV1"}
    meta = {**obj["metadata"], "managedFields": [{**owner, "fieldsV1": owned_fields(obj)}], "uid": core.new_uid(), "creationTimestamp": now}
    draft = {**obj, "metadata": meta}
    await registry.seed([(key(kind, meta.get("namespace", ""), meta["name"]), draft)])
