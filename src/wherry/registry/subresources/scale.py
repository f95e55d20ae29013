"""The scale subresource: an autoscaling/v1 Scale that reads and writes `spec.replicas` of its parent.

Source: pkg/registry/apps/deployment/storage (ScaleREST); https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/.
"""

from __future__ import annotations

from dataclasses import replace

from wherry.api import errors, field
from wherry.api.legacy_resources import is_legacy
from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, Target, User, WriteOptions
from wherry.api.resources import Resource
from wherry.api.schema import definition
from wherry.registry import bodies, managers
from wherry.registry.applies import configuration
from wherry.registry.core import Core
from wherry.registry.encode import transient
from wherry.registry.patches_decoded import as_version, decode_patched
from wherry.registry.reads import get
from wherry.registry.results import Body, RawBody, Written
from wherry.registry.subresources.scale_apply import Applied
from wherry.registry.updates import change
from wherry.rules import decode, legacy, selectors
from wherry.rules.managed_fields.scale import REPLICAS
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


def _form(row: Resource) -> Resource:
    """The kind of the Scale that a workload of this version has."""
    return (
        replace(SCALE, group=row.group, version=row.version, schema=f"io.k8s.api.{row.group}.{row.version}.Scale")
        if is_legacy(row)
        else SCALE
    )


def _shown(row: Resource, obj: Obj) -> Obj:
    scale = scale_of(obj)
    return legacy.from_scale(scale, row.api_version, (obj.get("spec") or {}).get("selector")) if is_legacy(row) else scale


async def read(core: Core, target: Target) -> Record:
    record = await get(core, target)
    return transient(_shown(target.resource, record.object()), record.revision)


async def update(core: Core, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
    """Raises BadRequest, Invalid, Conflict, NotFound."""
    parsed = decode.parse(body.content, body.content_type) if isinstance(body, RawBody) else body
    decoded = decode.decode(_form(target.resource), parsed, options.field_validation)
    decoded.obj.setdefault("metadata", {})
    bodies.check_name(decoded.obj, target)

    def make(old: Obj) -> tuple[Obj, list[str]]:
        return _scaled(old, decoded.obj), decoded.warnings

    return _as_scale(target.resource, await change(core, target, make, options, user, None, managers.by_scale))


async def patch(core: Core, target: Target, patch_type: str, content: bytes | object, options: WriteOptions, user: User) -> Written:
    form = _form(target.resource)
    if patch_type == APPLY_PATCH:
        return await _apply(core, target, form, content, options, user)
    parsed = parse_patch(patch_type, content) if isinstance(content, bytes) else content

    def make(old: Obj) -> tuple[Obj, list[str]]:
        patched = apply(patch_type, _shown(target.resource, as_version(core, target.resource, old)), parsed, definition(form.schema))
        scale, warnings = decode_patched(form, patched, parsed, patch_type, options)
        scale.setdefault("metadata", {})
        bodies.check_name(scale, target)
        return _scaled(old, scale), warnings

    return _as_scale(target.resource, await change(core, target, make, options, user, None, managers.by_scale))


async def _apply(core: Core, target: Target, form: Resource, content: bytes | object, options: WriteOptions, user: User) -> Written:
    said = configuration(content)
    applied = Applied(core, said.value, form, definition(form.schema), REPLICAS, options)

    def make(old: Obj) -> tuple[Obj, list[str]]:
        scale = applied.merged(old, _shown(target.resource, as_version(core, target.resource, old)))
        bodies.check_name(scale, target)
        return _scaled(old, scale), said.told(options)

    return _as_scale(target.resource, await change(core, target, make, options, user, None, applied.track))


def _scaled(old: Obj, scale: Obj) -> Obj:
    meta = scale.get("metadata") or {}
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        cause = field.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid("Scale.autoscaling", old["metadata"]["name"], [cause])
    preconditions = {k: meta[k] for k in ("resourceVersion", "uid") if meta.get(k)}
    return {**old, "metadata": {**old["metadata"], "resourceVersion": "", **preconditions}, "spec": {**old["spec"], "replicas": replicas}}


def _as_scale(row: Resource, written: Written) -> Written:
    record = written.record
    return Written(transient(_shown(row, record.object()), record.revision), written.created, written.warnings)
