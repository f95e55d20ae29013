"""`rollout pause` and `resume`: one small patch for each object.

Source: kubectl pkg/cmd/rollout (rollout_pause.go, rollout_resume.go); --emulate is ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from wherry.api.objects import Obj
from wherry.cli.kube.command import KubeCommand, Run, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import FILES, OUTPUT, SELECTOR, manager

if TYPE_CHECKING:
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Found, Info
    from wherry.cli.kube.printing import Printer
    from wherry.cli.kube.session import Kube
    from wherry.rollout.rollout import Rollout

FLAGS = joined((FILES, SELECTOR, manager("kubectl-rollout"), OUTPUT))
USAGE = "(TYPE NAME | TYPE/NAME)"
_EMULATE = Flag("emulate", "StatefulSets and DaemonSets too, by their update strategy, which resume --emulate brings back.", kind="bool")
Act = Callable[["Rollout", "Kube"], Awaitable[Obj]]


def runner(done: str, act: Act) -> Run:
    """What `pause`, `resume` and a plain `restart` have in common: `act` for each object, and its result printed."""

    async def run(kube: Kube, given: Given) -> None:
        from wherry.cli.kube.errors import collected
        from wherry.cli.kube.printing import printer

        check(kube)
        show = printer(kube, done)
        found = await objects(kube)
        errors = list(found.errors)
        for info in found.infos:
            rollout = of(kube, info)
            error = await tried(info, rollout, kube, act, show)
            errors += [error] if error else []
        collected(errors)

    return run


def check(kube: Kube) -> None:
    """Raises CommandError when nothing was named."""
    from wherry.cli.kube.errors import CommandError

    if not kube.given.arguments and not kube.given["filename"] and not kube.given["kustomize"]:
        raise CommandError("required resource not specified")


async def objects(kube: Kube) -> Found:
    """What the command is about; says so when that is nothing. Raises CommandError."""
    from wherry.cli.kube.gather import gather, query

    found = await gather(kube, query(kube))
    if not found.infos and not found.errors:
        kube.err(f"No resources found in {kube.namespace} namespace.\n")
    return found


def of(kube: Kube, info: Info) -> Rollout:
    from wherry.rollout import Rollout
    from wherry.rollout.targets import Named

    return Rollout(kube.client, Named(info.resource, info.name), info.namespace, manager=kube.given["field-manager"], known=info.object)


async def tried(info: Info, rollout: Rollout, kube: Kube, act: Act, show: Printer) -> Exception | None:
    """Act, and print what came of it; gives what went wrong, in the reference's words."""
    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError
    from wherry.rollout.errors import RolloutError, Unchanged

    try:
        kube.out(show(await act(rollout, kube)))
    except Unchanged as error:
        return error
    except RolloutError as error:
        return CommandError(f'error: {info.resource.group_resource} "{info.name}" {error}')
    except StatusError as error:
        return CommandError(f"failed to patch: {error.message}")
    return None


async def _pause(rollout: Rollout, kube: Kube) -> Obj:
    return await rollout.pause(emulate=kube.given["emulate"])


async def _resume(rollout: Rollout, kube: Kube) -> Obj:
    return await rollout.resume(emulate=kube.given["emulate"])


pause = KubeCommand("pause", runner("paused", _pause), (*FLAGS, _EMULATE), usage=USAGE,
                    summary="Stop rolling out: changes are kept until resume. Only Deployments can be paused; others with --emulate.")
resume = KubeCommand("resume", runner("resumed", _resume), (*FLAGS, _EMULATE), usage=USAGE,
                     summary="Roll out again what changed while paused.")
