"""The scale subresource of custom objects: an autoscaling/v1 Scale over the paths that the definition names.

Called by `Registry` in place of `subresources.scale`. A field that is not there reads as zero, but cannot be scaled from what it is not.
Source: k8s.io/apiextensions-apiserver/pkg/registry/customresource/etcd.go (ScaleREST).
"""

from __future__ import annotations

from wherry.api import errors, field
from wherry.api.errors import BadRequest, InternalError
from wherry.api.objects import Obj
from wherry.api.options import APPLY_PATCH, Target, User, WriteOptions
from wherry.api.resources import Resource
from wherry.registry import bodies
from wherry.registry.applies import configuration
from wherry.registry.core import Core
from wherry.registry.encode import transient
from wherry.registry.managers import Track
from wherry.registry.patches_decoded import decode_patched
from wherry.registry.reads import get
from wherry.registry.results import Body, RawBody, Written
from wherry.registry.subresources.scale import SCALE
from wherry.registry.subresources.scale_apply import Applied
from wherry.registry.updates import change
from wherry.rules import decode
from wherry.rules.crd import kind as kinds
from wherry.rules.crd import scale_paths
from wherry.rules.crd.scale_paths import NotThere, ScalePaths
from wherry.rules.managed_fields import track_scale
from wherry.rules.managed_fields.sets import Set, of_paths
from wherry.rules.patch import apply, parse_patch
from wherry.store.protocol import Record

_COPIED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def _paths(resource: Resource) -> ScalePaths:
    kind = kinds.of(resource)
    assert kind is not None
    assert kind.scale is not None  # the path of the request was found
    return kind.scale


def scale_of(obj: Obj, paths: ScalePaths) -> Obj:
    """Raises InternalError when something else than a number is where one should be."""
    try:
        replicas = scale_paths.number(obj, paths.replicas)
        status: Obj = {"replicas": scale_paths.number(obj, paths.status_replicas) or 0}
        selector = scale_paths.text(obj, paths.selector) if paths.selector else ""
    except NotThere as error:
        raise InternalError(str(error)) from None
    if selector:
        status["selector"] = selector
    meta = {k: obj["metadata"][k] for k in _COPIED if k in obj["metadata"]}
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status}


async def read(core: Core, target: Target) -> Record:
    """Raises NotFound, InternalError (the field of the replicas is not there)."""
    record = await get(core, target)
    paths = _paths(target.resource)
    made = scale_of(record.object(), paths)
    if scale_paths.number(record.object(), paths.replicas) is None:
        raise InternalError(f'Internal error occurred: the spec replicas field "{paths.replicas}" does not exist')
    return transient(made, record.revision)


async def update(core: Core, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
    """Raises BadRequest, Invalid, Conflict, NotFound."""
    parsed = decode.parse(body.content, body.content_type) if isinstance(body, RawBody) else body
    decoded = decode.decode(SCALE, parsed, options.field_validation)
    decoded.obj.setdefault("metadata", {})
    bodies.check_name(decoded.obj, target)
    paths = _paths(target.resource)

    def make(old: Obj) -> tuple[Obj, list[str]]:
        return _scaled(old, decoded.obj, paths), decoded.warnings

    return _as_scale(await change(core, target, make, options, user, None, _tracked(paths)), paths)


async def patch(core: Core, target: Target, patch_type: str, content: bytes | object, options: WriteOptions, user: User) -> Written:
    paths = _paths(target.resource)
    if patch_type == APPLY_PATCH:
        return await _apply(core, target, paths, content, options, user)
    parsed = parse_patch(patch_type, content) if isinstance(content, bytes) else content

    def make(old: Obj) -> tuple[Obj, list[str]]:
        patched = apply(patch_type, scale_of(old, paths), parsed, SCALE.node)
        scale, warnings = decode_patched(SCALE, patched, parsed, patch_type, options)
        scale.setdefault("metadata", {})
        bodies.check_name(scale, target)
        if scale_paths.number(old, paths.replicas) is None and "replicas" not in (scale.get("spec") or {}):
            raise BadRequest(f'the spec replicas field "{paths.replicas}" cannot be empty')
        return _scaled(old, scale, paths), warnings

    return _as_scale(await change(core, target, make, options, user, None, _tracked(paths)), paths)


async def _apply(core: Core, target: Target, paths: ScalePaths, content: bytes | object, options: WriteOptions, user: User) -> Written:
    said = configuration(content)
    applied = Applied(core, said.value, SCALE, SCALE.node, _owned(paths), options)

    def make(old: Obj) -> tuple[Obj, list[str]]:
        scale = applied.merged(old, scale_of(old, paths))
        bodies.check_name(scale, target)
        return _scaled(old, scale, paths), said.told(options)

    return _as_scale(await change(core, target, make, options, user, None, applied.track), paths)


def _owned(paths: ScalePaths) -> Set:
    return of_paths(tuple(f"f:{name}" for name in scale_paths.parts(paths.replicas)))


def _scaled(old: Obj, scale: Obj, paths: ScalePaths) -> Obj:
    meta, replicas = scale.get("metadata") or {}, (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        cause = field.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid("Scale.autoscaling", old["metadata"]["name"], [cause])
    preconditions = {k: meta[k] for k in ("resourceVersion", "uid") if meta.get(k)}
    try:
        changed = scale_paths.with_number(old, paths.replicas, replicas)
    except NotThere as error:
        raise InternalError(str(error)) from None
    own = {"resourceVersion": old["metadata"]["resourceVersion"], **preconditions}
    return {**changed, "metadata": {**old["metadata"], **own}}


def _tracked(paths: ScalePaths) -> Track:
    replicas = _owned(paths)

    def track(core: Core, resource: Resource, old: Obj | None, draft: Obj, options: WriteOptions, subresource: str = "") -> None:
        if old is None:
            return
        entries = track_scale(old, draft, manager=options.manager, api_version=resource.api_version, replicas=replicas)
        draft["metadata"].pop("managedFields", None)
        if entries:
            draft["metadata"]["managedFields"] = entries

    return track


def _as_scale(written: Written, paths: ScalePaths) -> Written:
    record = written.record
    return Written(transient(scale_of(record.object(), paths), record.revision), written.created, written.warnings)
