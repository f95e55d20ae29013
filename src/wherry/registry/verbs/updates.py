"""Update: from a body, or a function of the current object, to the next version.

Every change of an object that exists goes through `change`: the stages of `pipeline.UPDATE`, and once more when somebody else was quicker
(k8s.io/apiserver registry/rest/update.go, generic/registry/store.go).
"""

from __future__ import annotations

from functools import partial
from typing import cast

from wherry.api.objects import Obj
from wherry.registry.core import target_key
from wherry.registry.results import Body, Written
from wherry.registry.verbs.creates import create_draft
from wherry.registry.verbs.pipeline import UPDATE, run
from wherry.registry.verbs.reads import served
from wherry.registry.verbs.stages import metadata
from wherry.registry.verbs.write import Make, Stage, Write
from wherry.registry.versions import bodies
from wherry.store.protocol import ClaimLost, CompareFailed


async def update(write: Write) -> Written:
    """Raises BadRequest, NotFound, Conflict, Invalid, Forbidden."""
    write.make = _replacing(await write.compute(partial(_sent, write)))
    current = await write.core.store.get(target_key(write.core, write.target))
    if current is None and write.strategy.create_on_update and not write.subresource:
        write.draft = await write.compute(partial(write.make, write))
        return await create_draft(write)
    write.current = current
    return await change(write)


def _replacing(sent: tuple[Obj, list[str]]) -> Make:
    """The body in place of what is stored. It was decoded, and is for every further try anew: a draft is changed on its way."""
    first = [sent]

    def make(write: Write) -> Obj:
        sent, warnings = first.pop() if first else _sent(write)
        write.warnings += warnings
        metadata.check_uid(write, sent["metadata"].get("uid") or "")
        write.draft = sent
        metadata.drop_duplicate_owners(write)
        return sent if _is_whole(write) else write.view.merged(write, sent)

    return make


def _is_whole(write: Write) -> bool:
    """What is sent is the object itself, not something that the view makes of it."""
    return write.view.form(write.row) is write.row


def _sent(write: Write) -> tuple[Obj, list[str]]:
    """(what was sent, of the name that the path says: a draft where it is the object itself; warnings). Raises BadRequest."""
    body, options = cast("Body", write.body), write.options
    if _is_whole(write):
        sent, warnings = bodies.draft(write.core, write.row, body, options)
    else:
        sent, warnings = bodies.decoded(write.view.form(write.row), body, options.field_validation)
    bodies.check_name(sent, write.target)
    return sent, warnings


async def change(write: Write, stages: tuple[Stage, ...] = UPDATE) -> Written:
    """Apply `write.make` to the current object until it is stored. A draft with a resourceVersion must meet that version.

    Raises what `make` raises, NotFound, Conflict, Invalid, Forbidden.
    """
    core, current = write.core, write.current
    if current is None:
        current = await core.store.get(target_key(core, write.target))
    while True:
        if current is None:
            raise write.not_found()
        write.begin("UPDATE", current, (await served(core, write.resource, current)).object())
        try:
            await run(write, stages)
        except CompareFailed as error:
            current = error.current
            continue
        except ClaimLost:
            continue
        record = await write.view.answered(core, write.row, write.stored())
        return Written(record, False, tuple(write.warnings))
