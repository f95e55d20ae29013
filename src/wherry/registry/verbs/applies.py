"""Server-side apply: the applied configuration merged into the live object by field ownership (KEP-555)."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, cast

from wherry.api import errors, field
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.api.options import WriteOptions
from wherry.registry.core import target_key
from wherry.registry.results import Written
from wherry.registry.verbs.creates import create_draft
from wherry.registry.verbs.updates import change
from wherry.registry.verbs.write import Make, Patch, Write
from wherry.registry.versions.patched import decode_merged
from wherry.rules.schema import decode
from wherry.rules.schema.decode.reader import warnings as strict_warnings
from wherry.rules.writing.managed_fields import apply_patch
from wherry.rules.writing.patch.parse import go_kind

YAML = "application/yaml"


async def apply(write: Write) -> Written:
    """Creates the object when it is missing. Raises Invalid, BadRequest, Conflict (another manager owns a field)."""
    if not write.options.field_manager:
        raise errors.invalid("PatchOptions.meta.k8s.io", "", [field.required("fieldManager", "is required for apply patch")])
    said = await write.compute(partial(configuration, cast("Patch", write.body).content))
    write.make = _applying(said)
    current = await write.core.store.get(target_key(write.core, write.target))
    if current is not None or write.subresource:
        write.current = current
        return await change(write)
    write.draft = await write.compute(partial(write.make, write))
    if uid := (said.value.get("metadata") or {}).get("uid"):
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise errors.conflict(write.row.group_resource, write.target.name, why)
    return await create_draft(write)


def _applying(said: Configuration) -> Make:
    def make(write: Write) -> Obj:
        live = None if write.old is None else write.view.live(write)
        write.applied = merged = _merged(write, live, said.value)
        write.warnings += said.told(write.options)
        if merged is live and write.old is not None:
            return {**write.old, "metadata": dict(write.old["metadata"])}
        decoded, warnings = decode_merged(write.view.form(write.row), merged, said.value)
        write.warnings += warnings
        return write.view.merged(write, decoded)

    return make


def _merged(write: Write, live: Obj | None, config: Obj) -> Obj:
    """`live` itself when nothing changes. Raises Conflict."""
    form = write.view.form(write.row)
    return apply_patch(
        live,
        config,
        node=form.node,
        manager=write.options.manager,
        force=write.options.force,
        api_version=form.api_version,
        kind=form.kind,
        subresource=write.subresource,
        time=write.core.timestamp(),
        reset=write.view.reset(write),
    )


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
