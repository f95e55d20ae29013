"""The stages that writes go through, in the reference's order. These tables are the one place where the order stands.

`creates`, `updates`, `patches`, `applies` and `deletes` run them over a `Write`; the subresources that are more than a view of an object
(binding, eviction, token) have tables of their own in their files. A stage changes the write or raises StatusError; the first that raises
ends it.
Source: k8s.io/apiserver/pkg/endpoints/handlers/{create,update,patch,delete}.go, up to where the storage of the kind is called;
registry/generic/registry/store.go (Create, Update, Delete) and registry/rest/{create,update}.go from there on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from functools import partial

from wherry.api.errors import StatusError
from wherry.kit.offload import offload
from wherry.registry.verbs.stages import alike, asking, making, metadata, rules, storing
from wherry.registry.verbs.stages.granting import may_create
from wherry.registry.verbs.write import Stage, Write

#: from a draft to a new object
CREATE_DRAFT: tuple[Stage, ...] = (
    metadata.place,  # first, so that nobody after it sees an object of another name, or times and uids that a client made up
    metadata.drop_duplicate_owners,  # before fields are counted as somebody's
    making.refuse_terminating,  # a custom kind that is going takes nothing in
    metadata.track,  # what the client sent is the client's; what admission adds later belongs to nobody
    asking.admit,  # plug-ins see the object as sent and defaulted, before the kind's rules, which then hold for their changes too
    metadata.drop_duplicate_owners_again,  # a webhook may have added one
    metadata.name_and_date,  # now it is known that there will be an object
    rules.give_addresses,  # before validation, which looks at them; held until they are stored
    rules.prepare_new,  # the kind resets what a creator may not set
    rules.validate_new,  # all of its errors at once
    rules.warn,  # only of what is valid
    rules.canonicalize,  # so that what is stored has one form
    may_create,  # PUT and apply may create too, for those who may
    asking.validate_admission,  # the last word, about what will be stored; ResourceQuota charges here, so nothing may refuse after it
    storing.store_new,  # the name must be free; who follows the store hears of it from its log
)
#: from a body to a new object
CREATE: tuple[Stage, ...] = (making.decode, *CREATE_DRAFT)
#: one try to change what is stored; when somebody else was quicker the whole is done again on what is there then
UPDATE: tuple[Stage, ...] = (
    making.make,  # a replaced body, or a patch of what is stored
    metadata.track,  # as for creates
    asking.admit,
    metadata.drop_duplicate_owners_again,  # (those of a replaced body were dropped when it was decoded)
    metadata.check_version,  # after admission: a webhook is asked about a change that will conflict, too
    rules.give_addresses,
    metadata.keep_generation,  # before the kind's rules, which raise it
    rules.prepare_change,  # the kind takes back what this view does not write
    metadata.keep_identity,  # after them: what is still different is an error, not ignored
    rules.validate_change,
    rules.warn,
    rules.canonicalize,
    metadata.forget_new_times,  # else every apply would be a change
    asking.validate_admission,
    storing.store_change,  # nothing, a new version, or the end of an object that waited for its last finalizer
)
#: a note that the server makes on an object while it does what somebody asked for: nobody is asked again, and no manager owns it
NOTE: tuple[Stage, ...] = tuple(s for s in UPDATE if s not in (asking.admit, asking.validate_admission, metadata.track))
#: before an object goes, or is marked as going: what becomes of it is `rules.deletion`'s to say
DELETE: tuple[Stage, ...] = (
    asking.admit,
    asking.validate_admission,
)
#: a pod like others of its template: what its spec becomes is known (see `pod_specs`), so only what differs is looked at
POD_OF_TEMPLATE: tuple[Stage, ...] = (
    metadata.place,
    metadata.name_and_date,
    rules.validate_metadata_only,
    alike.own_pod,  # its maker owns what it owns of the others
    storing.store_new,
)
#: an event of our own recorder, which builds them all alike (see `event_writes`): there is nothing to refuse
EVENT: tuple[Stage, ...] = (
    alike.admit_event,  # once for a namespace
    alike.date_event,
    storing.store_new,
)


async def run(write: Write, stages: tuple[Stage, ...]) -> None:
    """Raises what a stage raises; an error carries the warnings that came before it, as the reference's headers do.

    Of a long write what needs no waiting is computed beside the event loop, where it keeps nobody from being served.
    """
    try:
        if write.is_long:
            left = iter(stages)
            while (waiting := await offload(partial(_until_waiting, write, left))) is not None:
                await waiting
            return
        for stage in stages:
            waiting = stage(write)
            if waiting is not None:
                await waiting
    except StatusError as error:
        error.warnings = tuple(write.warnings)
        raise
    finally:
        if write.release is not None:
            write.release()
            write.release = None


def _until_waiting(write: Write, stages: Iterator[Stage]) -> Awaitable[None] | None:
    """The stages up to the first that has to wait: what it waits for. None: all are done."""
    return next((waiting for stage in stages if (waiting := stage(write)) is not None), None)
