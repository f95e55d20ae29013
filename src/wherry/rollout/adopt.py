"""An undo and the next `apply`: what the manifest that was applied last would change back, and how to bring it in line. Pure.

Called by `rollout undo`. The annotation of the last applied configuration still holds what the undo took back, so the next apply of that
manifest rolls forward again (kubernetes#94698, #112911). `changed_back` says what it would change; `adopted` gives the annotation that
agrees with the undo, for a manifest that is going to be changed likewise.
"""

from __future__ import annotations

import json

from wherry.api.objects import Obj, annotations_of
from wherry.api.options import MERGE_PATCH, STRATEGIC_PATCH
from wherry.api.schema import definition
from wherry.rollout.changes import Change, without_hash
from wherry.rollout.differences import Difference, of_templates
from wherry.rules.patch import apply, three_way
from wherry.rules.patch.difference import difference

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
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
