"""The short ways of our own components: pods of one template, and events, of which only what differs is worked out.

Called through `pipeline` by creates of trusted clients, in place of the stages whose result is known. In test mode the long way is gone
too, and must come to the same.
"""

from __future__ import annotations

from collections.abc import Awaitable

from wherry.registry.event_writes import managed_fields
from wherry.registry.verbs.write import Write


def own_pod(write: Write) -> None:
    """The entry in managedFields, shared by the pods of one template and second. `applied`: the fields that their maker owns."""
    assert write.applied is not None
    core = write.core
    write.draft["metadata"]["managedFields"] = [core.pod_specs.owner(write.options.manager, core.timestamp(), write.applied)]


def admit_event(write: Write) -> Awaitable[None] | None:
    """Whether events are admitted depends on nothing but the namespace. Raises Forbidden, NotFound; None: it is known that they are."""
    return None if write.namespace in write.core.events else _admit_event(write)


async def _admit_event(write: Write) -> None:
    core, era = write.core, write.core.events.era
    await core.admission.admit(write)
    core.events.add(write.namespace, era)


def date_event(write: Write) -> None:
    """Its name is an object's and a number, its metadata nothing else: there is nothing to refuse."""
    core, event, now = write.core, write.draft, write.core.timestamp()
    meta = {"name": event["metadata"]["name"], "namespace": write.namespace, "uid": core.new_uid(), "creationTimestamp": now}
    write.draft = {**event, "metadata": {**meta, "managedFields": managed_fields(event, write.options.manager, now)}}
