"""An undo and the next `apply`: what the manifest that was applied last would change back, and how to bring it in line.

Called by `rollout undo`. The annotation of the last applied configuration still holds what the undo took back, so the next apply of that
manifest rolls forward again (kubernetes#94698, #112911). `changed_back` says what it would change; `adopted` gives the annotation that
agrees with the undo, for a manifest that is going to be changed likewise. `adopt` writes it, in the name of the manager that owns the
annotation, and moves the fields that the undo took over to whoever applies them, so that a server-side apply finds no conflict either.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from wherry.api.errors import Conflict
from wherry.api.objects import Obj, annotations_of
from wherry.api.options import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, WriteOptions
from wherry.api.schema import definition
from wherry.client.protocol import Client
from wherry.rollout.changes import Change, without_hash
from wherry.rollout.differences import Difference, of_templates
from wherry.rollout.ownership import given_back
from wherry.rollout.revisions import read
from wherry.rollout.targets import Named
from wherry.rules.writing.patch import apply, three_way
from wherry.rules.writing.patch.difference import difference

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
#: how often the move of fields is tried again after a conflict
TRIES = 5
_TEMPLATE = "io.k8s.api.core.v1.PodTemplateSpec"


def last_applied(workload: Obj) -> Obj | None:
    """The manifest that was applied last; None when the workload was made by other means."""
    text = annotations_of(workload).get(LAST_APPLIED)
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def changed_back(workload: Obj, template: Obj, schema: str) -> list[Difference]:
    """What the next apply of the last applied manifest would change in the template that the undo brings."""
    manifest = last_applied(workload)
    if manifest is None:
        return []
    template = without_hash(template)
    undone = {**workload, "spec": {**workload["spec"], "template": template}}
    node = definition(schema)
    again = apply(STRATEGIC_PATCH, undone, three_way.strategic(manifest, manifest, undone, node), node)
    return of_templates(template, again["spec"]["template"])


def adopted(workload: Obj, template: Obj) -> Change | None:
    """The patch that makes the annotation agree with the template; None when there is no annotation or it agrees already."""
    manifest = last_applied(workload)
    if manifest is None:
        return None
    node = definition(_TEMPLATE)
    taken_back = difference(without_hash(workload["spec"]["template"]), without_hash(template), node)
    spec = manifest.get("spec") or {}
    agreed = apply(STRATEGIC_PATCH, spec.get("template") or {}, taken_back, node) if taken_back else spec.get("template") or {}
    new = {**manifest, "spec": {**spec, "template": agreed}}
    if new == manifest:
        return None
    text = json.dumps(new, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    return Change({"metadata": {"annotations": {LAST_APPLIED: text}}}, MERGE_PATCH)


class Adopted(NamedTuple):
    """Whether there was something to bring in line: the annotation, the managed fields."""

    annotation: bool
    fields: bool


async def adopt(client: Client, target: Named, namespace: str, before: Obj, template: Obj) -> Adopted:
    """`before`: the workload before the undo, with its managedFields. Raises StatusError."""
    change = adopted(before, template)
    if change is not None:
        options = WriteOptions(field_manager=_owner(before))
        await client.patch(target.resource, namespace, target.name, change.patch, change.patch_type, options=options)
    for attempt in range(TRIES):
        after = await read(client, target, namespace)
        entries = given_back(before["metadata"].get("managedFields") or [], after["metadata"].get("managedFields") or [])
        if entries is None:
            return Adopted(change is not None, False)
        patch = [{"op": "replace", "path": "/metadata/managedFields", "value": entries},
                 {"op": "replace", "path": "/metadata/resourceVersion", "value": after["metadata"]["resourceVersion"]}]
        try:
            options = WriteOptions(field_manager=_owner(before))
            await client.patch(target.resource, namespace, target.name, patch, JSON_PATCH, options=options)
            break
        except Conflict:
            if attempt == TRIES - 1:
                raise
    return Adopted(change is not None, True)


def _owner(workload: Obj) -> str:
    """The manager that owns the annotation; "" for none."""
    for entry in workload["metadata"].get("managedFields") or ():
        notes = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {}
        if f"f:{LAST_APPLIED}" in notes and entry.get("operation") == "Update":
            return str(entry.get("manager", ""))
    return ""
