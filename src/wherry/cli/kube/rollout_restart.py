"""`rollout restart`: every pod by a new one; several workloads at once, or a few at a time with a pause between.

Source: kubectl pkg/cmd/rollout/rollout_restart.go; --wait, --max-parallel and --pause-between are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import CAUSE
from wherry.cli.kube.rollout_change import FLAGS, USAGE, check, objects, of, runner, tried

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube
    from wherry.rollout.rollout import Rollout

_FLAGS = (
    *FLAGS,
    CAUSE,
    Flag("wait", "Wait until everything is rolled out.", kind="bool"),
    Flag("max-parallel", "How many to restart at a time, in the order given; the next when one is done (implies --wait).", kind="int"),
    Flag("pause-between", "How long to wait between the end of one and the beginning of the next (implies --wait).", kind="duration"),
    Flag("timeout", "With --wait: how long one rollout may take, zero means as long as it takes.", kind="duration"),
)


async def _restart(rollout: Rollout, kube: Kube) -> Obj:
    return await rollout.restart(cause=kube.cause)


_plain = runner("restarted", _restart)


async def _run(kube: Kube, given: Given) -> None:
    from wherry.cli.kube.errors import CommandError

    if given["max-parallel"] < 0:
        raise CommandError(f"--max-parallel must not be negative: {given['max-parallel']}")
    if given["wait"] or given["max-parallel"] or given["pause-between"]:
        await _in_turn(kube)
    else:
        await _plain(kube, given)


async def _in_turn(kube: Kube) -> None:
    """A rollout that fails lets nothing new begin; what was not begun is named."""
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.printing import printer
    from wherry.rollout.in_order import in_turn

    check(kube)
    show = printer(kube, "restarted")
    found = await objects(kube)
    errors = list(found.errors)

    async def one(info: Info) -> bool:
        error = await tried(info, of(kube, info), kube, _restart, show) or await _waited(kube, info)
        errors.extend([error] if error else [])
        return error is None

    at_once = kube.given["max-parallel"] or (1 if kube.given["pause-between"] else 0)
    left = await in_turn(found.infos, one, at_once=at_once, pause=kube.given["pause-between"])
    if left:
        errors.append(CommandError(f"error: not restarted: {', '.join(info.shown for info in left)}"))
    collected(errors)


async def _waited(kube: Kube, info: Info) -> Exception | None:
    """Until the rollout is done; its steps are printed unless an output was asked for."""
    import asyncio
    from contextlib import aclosing

    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError
    from wherry.rollout import Rollout, RolloutError
    from wherry.rollout.targets import Named

    rollout = Rollout(kube.client, Named(info.resource, info.name), info.namespace)
    try:
        async with asyncio.timeout(kube.given["timeout"] or None), aclosing(rollout.status()) as steps:  # type: ignore[type-var]
            async for step in steps:
                if not kube.given["output"]:
                    kube.out(step.message + "\n")
    except TimeoutError:
        return CommandError(f'error: {info.resource.group_resource} "{info.name}" timed out waiting for the condition')
    except RolloutError as error:
        return CommandError(f"error: {error}")
    except StatusError as error:
        return error
    return None


restart = KubeCommand(
    "restart", _run, _FLAGS, usage=USAGE, summary="Replace every pod by a new one, in a rollout of an unchanged template."
)
