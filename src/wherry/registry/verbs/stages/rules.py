"""The kind's own rules: what is filled in, what is refused, what is warned of; and the addresses of Services, which are given here.

Source: k8s.io/apiserver/pkg/registry/rest/{create,update}.go (BeforeCreate, BeforeUpdate).
"""

from __future__ import annotations

from collections.abc import Awaitable

from wherry.api import errors
from wherry.api.field import Errors
from wherry.registry.verbs import admin_access, service_addresses
from wherry.registry.verbs.write import Write
from wherry.registry.versions import bodies
from wherry.rules.kinds.times import STAMPS
from wherry.rules.schema.validation.given import as_given
from wherry.rules.schema.validation.metadata import validate_metadata
from wherry.rules.schema.validation.write import create_errors


async def give_addresses(write: Write) -> None:
    """Cluster IPs and node ports of a Service, held until it is stored. Raises Invalid, StatusError (500)."""
    if write.resource.group_resource == "services" and not write.subresource:
        write.release = await service_addresses.hold(write.core)
        write.claim = await service_addresses.claim(write.core)
        await service_addresses.give(write.core, write.resource, write.draft, write.old)


def prepare_new(write: Write) -> None:
    """The kind's beginning: its first status and generation, without what a creator may not set."""
    if write.strategy.generation:
        write.draft["metadata"]["generation"] = 1
    write.strategy.prepare_create(write.draft)
    if (stamp := STAMPS.get(write.resource.group_kind)) is not None:
        stamp(write.draft, None, write.core.timestamp())


def prepare_change(write: Write) -> None:
    """What this view does not write comes back from what is stored."""
    write.view.prepare(write)
    if (stamp := STAMPS.get(write.resource.group_kind)) is not None:
        stamp(write.draft, write.old, write.core.timestamp())


def validate_new(write: Write) -> Awaitable[None] | None:
    """Raises Invalid with every cause."""
    if write.resource.group == admin_access.GROUP:
        return _validate_devices(write)
    _refuse(write, [])
    return None


async def _validate_devices(write: Write) -> None:
    """Claims that want more than their own devices need a namespace that says so."""
    _refuse(write, await admin_access.refusals(write))


def _refuse(write: Write, found: Errors) -> None:
    row, draft = write.resource, write.draft
    if found := found + create_errors(write.strategy, draft, namespaced=row.namespaced):
        raise errors.invalid(row.group_kind, draft["metadata"].get("name", ""), as_given(found, bodies.given(write.body)))


def validate_metadata_only(write: Write) -> None:
    """The same for an object whose spec was found right before. Raises Invalid."""
    if found := validate_metadata(write.draft, namespaced=True, name_rule=write.strategy.name_rule):
        raise errors.invalid(write.resource.group_kind, write.draft["metadata"].get("name", ""), found)


def validate_change(write: Write) -> None:
    """Raises Invalid with every cause."""
    if found := write.view.errors(write):
        name = (write.old or {})["metadata"]["name"]
        raise errors.invalid(write.resource.group_kind, name, as_given(found, bodies.given(write.body)))


def warn(write: Write) -> None:
    """What is allowed, but better written otherwise. Not of subresources: their writers cannot mend the rest."""
    if not write.subresource:
        write.warnings += write.strategy.warnings(write.draft, write.old)


def canonicalize(write: Write) -> None:
    """What the object gets that is known only of a valid one."""
    write.strategy.canonicalize(write.draft)
