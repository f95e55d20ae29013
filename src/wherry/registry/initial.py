"""Stores the objects that every cluster has and nobody asked for: APIServices, flow control, the range and the first cluster IP.

Called by the cluster at every start, after the `kubernetes` Service is there. As with the default roles, what is missing is written as a
create would leave it, all in one commit, and what follows the server is brought to what it should be; the rest is only read.
Source: k8s.io/kube-aggregator autoregister controller (objects synced on start), pkg/registry/flowcontrol/ensurer, KEP-1880.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from wherry.api.errors import Conflict
from wherry.api.objects import Obj
from wherry.api.options import ADMIN, Target, WriteOptions
from wherry.api.resources import Resource
from wherry.registry.core import key
from wherry.registry.registry import Registry
from wherry.rules.kinds.times import stamp_api_service
from wherry.rules.networking.services import addresses
from wherry.rules.schema.initial import api_services, flow_control
from wherry.store.protocol import Record

_FLOW_MANAGER = "api-priority-and-fairness-config-producer-v1"
_FLOW_STATUS = "api-priority-and-fairness-config-consumer-v1"
_RANGE_STATUS = "kubernetes-service-cidr-controller"
_SERVER = "kube-apiserver"
#: members of these objects that FieldsV1 names themselves, because they may be absent
_OPTIONAL = frozenset(("annotations", "labels", "distinguisherMethod", "limited", "exempt", "limitResponse", "queuing", "parentRef"))


class Made(NamedTuple):
    """An object that should be there: who writes it, and the condition of its status with who writes that."""

    obj: Obj
    manager: str = _SERVER
    condition: Obj | None = None
    status_manager: str = ""
    generation: bool = False


async def ensure(registry: Registry) -> None:
    """Raises StatusError. The writes share the store's commits."""
    now = registry.core.timestamp()
    await asyncio.gather(*[_ensure(registry, made, now) for made in _wanted(registry, now)])


def _wanted(registry: Registry, now: str) -> Iterator[Made]:
    for obj in api_services.built_in(registry.table):
        stamp_api_service(obj, None, now)
        yield Made(obj)
    for obj in flow_control.objects():
        if obj["kind"] == "FlowSchema":
            yield Made(obj, _FLOW_MANAGER, flow_control.dangling(obj, there=True, now=now), _FLOW_STATUS, generation=True)
        else:
            yield Made(obj, _FLOW_MANAGER, generation=True)
    yield Made(addresses.service_range(), _SERVER, addresses.ready(now), _RANGE_STATUS)
    yield Made(addresses.address("10.96.0.1", "default", "kubernetes"))


async def _ensure(registry: Registry, made: Made, now: str) -> None:
    kind = registry.table.by_kind(made.obj["apiVersion"], made.obj["kind"])
    assert kind is not None
    at = key(kind, "", made.obj["metadata"]["name"])
    existing = await registry.store.get(at)
    if existing is None:
        await _create(registry, kind, at, made, now)
    elif kind.group == flow_control.GROUP:
        await _follow(registry, kind, existing, made)


async def _create(registry: Registry, kind: Resource, at: str, made: Made, now: str) -> None:
    meta: Obj = {**made.obj["metadata"], "uid": registry.core.new_uid(), "creationTimestamp": now}
    if made.generation:
        meta["generation"] = 1
    entry = {"operation": "Update", "apiVersion": kind.api_version, "time": now, "fieldsType": "FieldsV1"}
    meta["managedFields"] = [{"manager": made.manager, **entry, "fieldsV1": owned_fields(made.obj)}]
    draft = {**made.obj, "metadata": meta}
    if made.condition is not None:
        draft["status"] = {"conditions": [made.condition]}
        applied = {**entry, "operation": "Apply", "fieldsV1": _condition_fields(made.condition), "subresource": "status"}
        meta["managedFields"].insert(0, {"manager": made.status_manager, **applied})
    await registry.seed([(at, draft)])


async def _follow(registry: Registry, kind: Resource, existing: Record, made: Made) -> None:
    stored: Obj = existing.object()
    if flow_control.follows(stored) and stored["spec"] != made.obj["spec"]:
        options = WriteOptions(user_agent=made.manager)
        with suppress(Conflict):  # another server does the same
            await registry.update(Target(kind, "", stored["metadata"]["name"]), {**stored, "spec": made.obj["spec"]}, options, ADMIN)


def owned_fields(obj: Obj) -> Obj:
    """The fields of one of these objects that its writer owns: what tracking finds, known beforehand."""
    meta = {name: value for name, value in obj["metadata"].items() if name != "name"}
    return {**({"f:metadata": _members(meta)} if meta else {}), "f:spec": _members(obj["spec"])}


def _members(value: dict[str, Any]) -> Obj:
    fields: Obj = {}
    for name, member in sorted(value.items()):
        if name == "finalizers":
            fields[f"f:{name}"] = {".": {}, **{f'v:"{each}"': {} for each in member}}
        elif isinstance(member, dict):
            fields[f"f:{name}"] = {**({".": {}} if name in _OPTIONAL else {}), **_members(member)}
        else:
            fields[f"f:{name}"] = {}
    return fields


def _condition_fields(condition: Obj) -> Obj:
    own: Obj = {".": {}, **{f"f:{name}": {} for name in sorted(condition)}}
    return {"f:status": {"f:conditions": {f'k:{{"type":"{condition["type"]}"}}': own}}}
