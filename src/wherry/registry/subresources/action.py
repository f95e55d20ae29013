"""Subresources that are something to do rather than something to see: they are only posted, and have stages of their own.

Their answer is a Status, or what they made; nothing of theirs is stored under their own name.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.registry.core import Core
from wherry.registry.results import Written
from wherry.registry.verbs.pipeline import run
from wherry.registry.verbs.view import ObjectView, not_served
from wherry.registry.verbs.write import Stage, Write
from wherry.store.protocol import Record


class Action(ObjectView):
    """`stages` end with the write's `record`, which is the answer; `creates` False: nothing new is there afterwards."""

    def __init__(self, stages: tuple[Stage, ...], *, creates: bool = True) -> None:
        super().__init__()
        self._stages, self._creates = stages, creates

    async def read(self, core: Core, target: Target, resource_version: str = "") -> Record:
        raise not_served(target)

    async def create(self, write: Write) -> Written:
        await run(write, self._stages)
        return Written(write.stored(), self._creates, tuple(write.warnings))

    async def update(self, write: Write) -> Written:
        raise not_served(write.target)

    async def patch(self, write: Write) -> Written:
        raise not_served(write.target)


def success(code: int, message: str = "") -> Obj:
    said = {"message": message} if message else {}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", **said, "code": code}
