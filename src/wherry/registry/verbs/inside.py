"""Changes that the server makes itself, while it answers somebody: a quota is charged, a budget spent, a pod told why it goes.

Called by admission and subresources. They are updates like any other, by a user of the server's own.
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api.objects import Obj
from wherry.api.options import Target, User, WriteOptions
from wherry.registry.core import Core
from wherry.registry.results import Written
from wherry.registry.verbs.pipeline import NOTE
from wherry.registry.verbs.updates import change
from wherry.registry.verbs.view import OBJECT, STATUS
from wherry.registry.verbs.write import Write

#: the stored object -> a private draft, changed
Rule = Callable[[Obj], Obj]


#: as whom it charges and spends
SERVER = User("system:apiserver", groups=("system:masters",))


async def change_object(core: Core, target: Target, rule: Rule, options: WriteOptions, user: User) -> Written:
    """Raises what `rule` raises, NotFound, Conflict, Invalid, Forbidden."""
    return await change(_write(Write(core, target, OBJECT, options, user), rule))


async def change_status(core: Core, target: Target, rule: Rule, options: WriteOptions) -> Written:
    """The same for the status of `target`, by the server itself."""
    return await change(_write(Write(core, _status(target), STATUS, options, SERVER), rule))


async def note(core: Core, target: Target, rule: Rule, user: User) -> Written:
    """The same, but nobody is asked, as he was asked about what this is part of; and nobody owns what is changed."""
    return await change(_write(Write(core, _status(target), STATUS, WriteOptions(), user), rule), NOTE)


def _status(target: Target) -> Target:
    return Target(target.resource, target.namespace, target.name, "status")


def _write(write: Write, rule: Rule) -> Write:
    write.make = lambda write: rule(write.old or {})
    return write
