"""The finalize subresource of namespaces: changes `spec.finalizers`, and with the last one gone the namespace goes.

Source: pkg/registry/core/namespace/storage (FinalizeREST).
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.options import Target, User, WriteOptions
from wherry.registry import bodies
from wherry.registry.core import Core
from wherry.registry.results import Body, Written
from wherry.registry.updates import change


async def update(core: Core, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
    """Raises NotFound, Conflict, BadRequest."""
    draft, warnings = bodies.draft(core, target.resource, body, options)
    bodies.check_name(draft, target)
    wanted = (draft.get("spec") or {}).get("finalizers", [])
    version = draft["metadata"].get("resourceVersion", "")

    def make(old: Obj) -> tuple[Obj, list[str]]:
        spec = {k: v for k, v in (old.get("spec") or {}).items() if k != "finalizers"}
        if wanted:
            spec["finalizers"] = wanted
        return {**old, "metadata": {**old["metadata"], "resourceVersion": version}, "spec": spec}, warnings

    return await change(core, target, make, options, user)
