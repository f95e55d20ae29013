"""All or none, for `rollout undo --atomic`: the trial beforehand, and the way back when one of several undos fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.api.errors import StatusError
from wherry.rollout import Rollout, RolloutError
from wherry.rollout import last_healthy as known
from wherry.rollout.atomic import put_back as put_one_back
from wherry.rollout.targets import Named

if TYPE_CHECKING:
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube


async def rehearsed(kube: Kube, infos: list[Info]) -> list[Exception]:
    """What would go wrong."""
    errors: list[Exception] = []
    for info in infos:
        target = Named(info.resource, info.name)
        try:
            number = kube.given["to-revision"]
            if kube.given["to-last-healthy"]:
                number = (await known.find(kube.client, target, info.namespace)).number
            rollout = Rollout(kube.client, target, info.namespace, known=info.object)
            await rollout.undo(number, dry_run=True, cause=kube.cause)
        except (StatusError, RolloutError) as error:
            errors.append(error)
    return errors


async def put_back(kube: Kube, infos: list[Info]) -> list[Exception]:
    """Every undo that was done; what went wrong with that."""
    errors: list[Exception] = []
    for info in infos:
        try:
            if await put_one_back(kube.client, Named(info.resource, info.name), info.namespace, info.object):
                kube.err(f"{info.shown} put back\n")
        except (StatusError, RolloutError) as error:
            errors.append(error)
    return errors
