"""Between an old version of a workload and apps/v1, in which it is stored. Nothing is lost on the way.

Fields that apps/v1 has no place for travel in annotations. Called by `wherry.rules.kinds.conversion`; inputs are not changed.
Source: pkg/apis/extensions/v1beta1/conversion.go, pkg/apis/apps/{v1beta1,v1}/conversion.go.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from wherry.api.legacy_resources import WITH_ROLLBACK
from wherry.api.objects import Obj, with_metadata
from wherry.rules.kinds.legacy.defaults import fill_in
from wherry.rules.schema.defaults.workloads import ROLLBACK_TO, TEMPLATE_GENERATION

STORED = "apps/v1"
_Path = tuple[str, ...]


def _travelling(kind: str, api_version: str) -> tuple[str, _Path] | None:
    """The annotation, and the place in the old form of what it holds."""
    if kind == "Deployment" and api_version in WITH_ROLLBACK:
        return ROLLBACK_TO, ("rollbackTo", "revision")
    if kind == "DaemonSet" and api_version == "extensions/v1beta1":
        return TEMPLATE_GENERATION, ("templateGeneration",)
    return None


def to_stored(obj: Obj, api_version: str) -> Obj:
    """The apps/v1 form of an object in an old version, with the old version's defaults."""
    made = {**obj, "apiVersion": STORED, "metadata": dict(obj.get("metadata") or {})}
    # defaults reach deep, and a conversion changes nothing that is not its own
    made["spec"] = copy.deepcopy(obj.get("spec") or {})
    fill_in(api_version, made)
    known = _travelling(obj.get("kind", ""), api_version)
    if known is None:
        return made
    annotation, path = known
    notes = {k: v for k, v in (made["metadata"].get("annotations") or {}).items() if k != annotation}
    given = made["spec"].pop(path[0], None)
    if given is not None:
        notes[annotation] = str(given.get(path[1], 0) if len(path) > 1 else given)
    if notes:
        made["metadata"]["annotations"] = notes
    else:
        made["metadata"].pop("annotations", None)
    return made


def from_stored(obj: Obj, api_version: str) -> Obj:
    """An apps/v1 object in an old version's form."""
    made = {**obj, "apiVersion": api_version}
    known = _travelling(obj.get("kind", ""), api_version)
    notes: Mapping[str, str] = (obj.get("metadata") or {}).get("annotations") or {}
    if known is None or known[0] not in notes:
        return made
    annotation, path = known
    made = with_metadata(made, annotations={k: v for k, v in notes.items() if k != annotation} or None)
    try:
        number = int(notes[annotation])
    except ValueError:
        return made
    if len(path) > 1:
        value: object = {path[1]: number} if number else {}
    else:
        value = number
    return {**made, "spec": {**(obj.get("spec") or {}), path[0]: value}}
