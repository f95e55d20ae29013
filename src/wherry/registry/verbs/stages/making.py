"""Where the draft comes from: a body that is decoded, or a function of what is stored."""

from __future__ import annotations

from typing import cast

from wherry.api import errors
from wherry.registry.results import Body
from wherry.registry.verbs.write import Write
from wherry.registry.versions import bodies


def decode(write: Write) -> None:
    """The body as a private draft in the stored version, with defaults. Raises BadRequest."""
    write.draft, warnings = bodies.draft(write.core, write.row, cast("Body", write.body), write.options)
    write.warnings += warnings


def make(write: Write) -> None:
    """A draft of what is stored, as the write makes it: from a body, a patch, or a rule of ours. Raises what that raises."""
    assert write.make is not None
    write.draft = write.make(write)


def refuse_terminating(write: Write) -> None:
    """Raises Forbidden while the definition of a custom kind is being deleted."""
    if write.resource.custom is not None and write.resource.custom.terminating:
        why = "create not allowed while custom resource definition is terminating"
        raise errors.forbidden(write.resource.group_resource, write.draft["metadata"].get("name", ""), why)
