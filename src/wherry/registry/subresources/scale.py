"""The scale subresource: an autoscaling/v1 Scale that reads and writes the number of its parent, of workloads and of custom kinds alike.

One view, by where the kind keeps its numbers (`ScalePaths`). The versions of the past have a Scale of their own form.
Source: pkg/registry/apps/deployment/storage (ScaleREST); k8s.io/apiextensions-apiserver/pkg/registry/customresource/etcd.go (ScaleREST);
k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go.
"""

from __future__ import annotations

from dataclasses import replace

from wherry.api import errors, field
from wherry.api.errors import BadRequest, InternalError
from wherry.api.legacy_resources import is_legacy
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.registry.encode import transient
from wherry.registry.verbs import field_managers, reads
from wherry.registry.verbs.view import ObjectView
from wherry.registry.verbs.write import Patch, Write
from wherry.registry.versions import bodies
from wherry.registry.versions.patched import as_version
from wherry.rules.custom import kind as kinds
from wherry.rules.kinds import legacy
from wherry.rules.objects.scaling import paths as at
from wherry.rules.objects.scaling.paths import NotThere, ScalePaths
from wherry.rules.objects.scaling.scale import WORKLOAD, scale_of, scaled
from wherry.rules.writing.managed_fields import Reset, parent_entries, scale_entries, track_scale
from wherry.rules.writing.managed_fields.sets import Set, of_paths
from wherry.store.protocol import Record

SCALE = Resource("autoscaling", "v1", "Scale", "scales")


def paths_of(row: Resource) -> ScalePaths:
    kind = kinds.of(row)
    return WORKLOAD if kind is None or kind.scale is None else kind.scale


class ScaleView(ObjectView):
    async def read(self, core: Core, target: Target, resource_version: str = "") -> Record:
        """Raises NotFound; InternalError where a custom object has no number."""
        record = await reads.get(core, target, resource_version)
        paths = paths_of(target.resource)
        scale = _shown(target.resource, record.object(), paths)
        if target.resource.custom is not None and at.number(record.object(), paths.replicas) is None:
            raise InternalError(f'Internal error occurred: the spec replicas field "{paths.replicas}" does not exist')
        return transient(scale, record.revision)

    def form(self, row: Resource) -> Resource:
        if not is_legacy(row):
            return SCALE
        return replace(SCALE, group=row.group, version=row.version, schema=f"io.k8s.api.{row.group}.{row.version}.Scale")

    def reset(self, write: Write) -> Reset | None:
        return None

    def shown(self, write: Write) -> Obj:
        return _shown(write.row, as_version(write.core, write.row, write.old or {}), paths_of(write.row))

    def live(self, write: Write) -> Obj:
        shown, entries = self.shown(write), scale_entries(write.old or {}, _owned(write))
        return {**shown, "metadata": {**shown["metadata"], **({"managedFields": entries} if entries else {})}}

    def merged(self, write: Write, sent: Obj) -> Obj:
        """The parent with the number of the Scale. Its resourceVersion, where it has one, is a precondition; its uid always."""
        scale, old, paths = sent, write.old or {}, paths_of(write.row)
        scale.setdefault("metadata", {})
        bodies.check_name(scale, write.target)
        wanted = (scale.get("spec") or {}).get("replicas")
        if isinstance(write.body, Patch) and wanted is None and at.number(old, paths.replicas) is None:
            raise BadRequest(f'the spec replicas field "{paths.replicas}" cannot be empty')
        if (wanted or 0) < 0:
            cause = field.invalid("spec.replicas", wanted, "must be greater than or equal to 0")
            raise errors.invalid("Scale.autoscaling", write.target.name, [cause])
        _check_uid(write, scale["metadata"].get("uid") or "")
        try:
            changed = scaled(old, paths, scale)
        except NotThere as error:
            raise InternalError(str(error)) from None
        version = scale["metadata"].get("resourceVersion") or old["metadata"]["resourceVersion"]
        return {**changed, "metadata": {**old["metadata"], "resourceVersion": version}}

    def track(self, write: Write) -> None:
        """Who scales owns the parent's number, through the subresource."""
        old, owned = write.old or {}, _owned(write)
        if write.applied is not None:
            entries = parent_entries(old, write.applied, write.row.api_version, owned)
        else:
            entries = track_scale(old, write.draft, manager=write.options.manager, api_version=write.row.api_version, replicas=owned)
        field_managers.put(write.draft, entries)

    async def answered(self, core: Core, row: Resource, record: Record) -> Record:
        served = await reads.served(core, row, record)
        return transient(_shown(row, served.object(), paths_of(row)), record.revision)


def _shown(row: Resource, obj: Obj, paths: ScalePaths) -> Obj:
    """Raises InternalError when something else than a number is where one should be."""
    try:
        scale = scale_of(obj, paths)
    except NotThere as error:
        raise InternalError(str(error)) from None
    return legacy.from_scale(scale, row.api_version, (obj.get("spec") or {}).get("selector")) if is_legacy(row) else scale


def _owned(write: Write) -> Set:
    """Where the parent keeps the number, as a set of fields."""
    return of_paths(tuple(f"f:{name}" for name in at.parts(paths_of(write.row).replicas)))


def _check_uid(write: Write, said: str) -> None:
    """Raises Conflict. Of a custom object only a replaced Scale is asked for its uid."""
    uid = (write.old or {})["metadata"]["uid"]
    if said and said != uid and write.row.custom is None:
        why = f"Precondition failed: UID in precondition: {said}, UID in object meta: {uid}"
        plural, _, group = write.resource.group_resource.partition(".")
        raise errors.conflict(f"{plural}/scale.{group}" if group else f"{plural}/scale", write.target.name, why)
