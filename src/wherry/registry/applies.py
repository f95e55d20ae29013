"""Server-side apply: the applied configuration merged into the live object by field ownership (KEP-555)."""

from __future__ import annotations

from wherry.api import errors, field
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.api.options import Target, User, WriteOptions
from wherry.registry import managers
from wherry.registry.core import Core, target_key
from wherry.registry.creates import create_draft
from wherry.registry.patches_decoded import as_version, decoded_draft
from wherry.registry.results import Written
from wherry.registry.updates import change
from wherry.rules import decode
from wherry.rules.managed_fields import apply_patch

YAML = "application/yaml"


async def apply(core: Core, target: Target, content: bytes | object, options: WriteOptions, user: User) -> Written:
    """Creates the object when it is missing. Raises Invalid, BadRequest, Conflict (another manager owns a field)."""
    if not options.field_manager:
        raise errors.invalid("PatchOptions.meta.k8s.io", "", [field.required("fieldManager", "is required for apply patch")])
    config = _configuration(content)
    resource = target.resource
    node, reset = resource.node, managers.reset_of(resource, target.subresource)

    def merge(live: Obj | None) -> Obj:
        return apply_patch(
            live,
            config,
            node=node,
            manager=options.manager,
            force=options.force,
            api_version=resource.api_version,
            kind=resource.kind,
            subresource=target.subresource,
            time=core.timestamp(),
            reset=reset,
        )

    def make(old: Obj) -> tuple[Obj, list[str]]:
        shown = as_version(core, resource, old)
        merged = merge(shown)
        if merged is shown:
            return {**old, "metadata": dict(old["metadata"])}, []
        return decoded_draft(core, target, merged)

    current = await core.store.get(target_key(core, target))
    if current is not None:
        return await change(core, target, make, options, user, current, managers.by_apply)
    if target.subresource:
        raise errors.not_found(resource.group_resource, target.name)
    if uid := config["metadata"].get("uid"):
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise errors.conflict(resource.group_resource, target.name, why)
    draft, warnings = decoded_draft(core, target, merge(None))
    return await create_draft(core, target, draft, options, user, warnings, managers.by_apply)


def _configuration(content: bytes | object) -> Obj:
    """The applied configuration: a mapping. What it is and what it is called are checked when it is merged."""
    config = content
    if isinstance(content, bytes):
        parsed = decode.parse(content, YAML)
        if parsed.fault:
            raise BadRequest(f"error decoding YAML: {parsed.fault}")
        config = parsed.value
    if not isinstance(config, dict):
        raise BadRequest("error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}")
    return {**config, "metadata": dict(config.get("metadata") or {})}
