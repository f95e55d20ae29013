"""The scale subresource: an autoscaling/v1 Scale that reads and writes `spec.replicas` of its parent.

Source: pkg/registry/apps/deployment/storage (ScaleREST); https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/.
"""

from __future__ import annotations

from wherry.api import errors, field
from wherry.api.objects import Obj
from wherry.api.options import Target, User, WriteOptions
from wherry.api.resources import Resource
from wherry.api.schema import definition
from wherry.registry import managers
from wherry.registry.core import Core
from wherry.registry.encode import transient
from wherry.registry.patches_decoded import as_version, decode_patched
from wherry.registry.reads import get
from wherry.registry.results import Body, RawBody, Written
from wherry.registry.updates import change
from wherry.rules import decode, selectors
from wherry.rules.patch import apply, parse_patch
from wherry.store.protocol import Record

SCALE = Resource("autoscaling", "v1", "Scale", "scales")


def scale_of(obj: Obj) -> Obj:
    """The Scale of a workload (zero replicas are left out, as the reference's JSON does)."""
    meta = {k: obj["metadata"][k] for k in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if k in obj["metadata"]}
    replicas = (obj.get("spec") or {}).get("replicas", 1)
    chosen = (obj.get("spec") or {}).get("selector")
    is_map = obj["kind"] == "ReplicationController"
    selector = str(selectors.from_map(chosen or {}) if is_map else selectors.from_label_selector(chosen))
    status: Obj = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": meta,
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


async def read(core: Core, target: Target) -> Record:
    record = await get(core, target)
    return transient(scale_of(record.object()), record.revision)


async def update(core: Core, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
    """Raises BadRequest, Invalid, Conflict, NotFound."""
    parsed = decode.parse(body.content, body.content_type) if isinstance(body, RawBody) else body
    decoded = decode.decode(SCALE, parsed, options.field_validation)

    def make(old: Obj) -> tuple[Obj, list[str]]:
        return _scaled(old, decoded.obj), decoded.warnings

    return _as_scale(await change(core, target, make, options, user, None, managers.by_scale))


async def patch(core: Core, target: Target, patch_type: str, content: bytes | object, options: WriteOptions, user: User) -> Written:
    parsed = parse_patch(patch_type, content) if isinstance(content, bytes) else content

    def make(old: Obj) -> tuple[Obj, list[str]]:
        patched = apply(patch_type, scale_of(as_version(core, target.resource, old)), parsed, definition(SCALE.schema))
        scale, warnings = decode_patched(SCALE, patched, parsed, patch_type, options)
        return _scaled(old, scale), warnings

    return _as_scale(await change(core, target, make, options, user, None, managers.by_scale))


def _scaled(old: Obj, scale: Obj) -> Obj:
    meta = scale.get("metadata") or {}
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        cause = field.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid("Scale.autoscaling", old["metadata"]["name"], [cause])
    preconditions = {k: meta[k] for k in ("resourceVersion", "uid") if meta.get(k)}
    return {**old, "metadata": {**old["metadata"], "resourceVersion": "", **preconditions}, "spec": {**old["spec"], "replicas": replicas}}


def _as_scale(written: Written) -> Written:
    record = written.record
    return Written(transient(scale_of(record.object()), record.revision), written.created, written.warnings)
