"""Server-side apply: the applied configuration merged into the live object by field ownership (KEP-555)."""

from __future__ import annotations

from typing import NamedTuple

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
from wherry.rules.decode.reader import warnings as strict_warnings
from wherry.rules.managed_fields import apply_patch
from wherry.rules.patch.parse import go_kind

YAML = "application/yaml"


async def apply(core: Core, target: Target, content: bytes | object, options: WriteOptions, user: User) -> Written:
    """Creates the object when it is missing. Raises Invalid, BadRequest, Conflict (another manager owns a field)."""
    if not options.field_manager:
        raise errors.invalid("PatchOptions.meta.k8s.io", "", [field.required("fieldManager", "is required for apply patch")])
    said = configuration(content)
    config = said.value
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
        told = said.told(options)
        if merged is shown:
            return {**old, "metadata": dict(old["metadata"])}, told
        return decoded(merged, told)

    def decoded(merged: Obj, told: list[str]) -> tuple[Obj, list[str]]:
        draft, warnings = decoded_draft(core, target, merged, config)
        return draft, [*told, *warnings]

    current = await core.store.get(target_key(core, target))
    if current is not None:
        return await change(core, target, make, options, user, current, managers.by_apply)
    if target.subresource:
        raise errors.not_found(resource.group_resource, target.name)
    merged = merge(None)
    if uid := (config.get("metadata") or {}).get("uid"):
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise errors.conflict(resource.group_resource, target.name, why)
    draft, warnings = decoded(merged, said.told(options))
    draft["metadata"].pop("resourceVersion", None)  # nothing is there to compare it with
    return await create_draft(core, target, draft, options, user, warnings, managers.by_apply)


class Configuration(NamedTuple):
    """What is applied, and what is odd in its text."""

    value: Obj
    strict: list[str]

    def told(self, options: WriteOptions) -> list[str]:
        """The oddities as warnings, once the merge has succeeded. Raises BadRequest when they are not allowed."""
        if not self.strict or options.field_validation == "Ignore":
            return []
        if options.field_validation == "Strict":
            raise BadRequest(f"error strict decoding YAML: error converting YAML to JSON: {', '.join(self.strict)}")
        return strict_warnings(self.strict)


def configuration(content: bytes | object) -> Configuration:
    """The applied configuration: a mapping. What it is and what it is called are checked when it is merged."""
    config, strict = content, []
    if isinstance(content, bytes):
        parsed = decode.parse(content, YAML)
        if parsed.fault:
            raise BadRequest(f"error decoding YAML: error converting YAML to JSON: {parsed.fault}")
        config, strict = parsed.value, parsed.duplicates
    if config is None:
        config = {}
    if not isinstance(config, dict):
        what = go_kind(config)
        raise BadRequest(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
            f"json: cannot unmarshal {what} into Go value of type map[string]interface {{}}"
        )
    return Configuration(config, strict)
