"""`rollout pause`, `resume`, `restart`: one small patch for each object.

Source: kubectl pkg/cmd/rollout (rollout_pause.go, rollout_resume.go, rollout_restart.go).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from wherry.api.objects import Obj
from wherry.cli.kube.command import KubeCommand, Run, joined
from wherry.cli.kube.options import CAUSE, FILES, OUTPUT, SELECTOR, manager

if TYPE_CHECKING:
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.session import Kube
    from wherry.rollout.rollout import Rollout

_FLAGS = joined((FILES, SELECTOR, manager("kubectl-rollout"), OUTPUT))
_USAGE = "(TYPE NAME | TYPE/NAME)"
Act = Callable[["Rollout", "Kube"], Awaitable[Obj]]


def _runner(done: str, act: Act) -> Run:
    async def run(kube: Kube, given: Given) -> None:
        from wherry.api.errors import StatusError
        from wherry.cli.kube.errors import CommandError, collected
        from wherry.cli.kube.gather import gather, query
        from wherry.cli.kube.printing import printer
        from wherry.rollout import Rollout
        from wherry.rollout.errors import RolloutError, Unchanged
        from wherry.rollout.targets import Named

        if not given.arguments and not given["filename"] and not given["kustomize"]:
            raise CommandError("required resource not specified")
        show = printer(kube, done)
        found = await gather(kube, query(kube))
        if not found.infos and not found.errors:
            kube.err(f"No resources found in {kube.namespace} namespace.\n")
            return
        errors = list(found.errors)
        for info in found.infos:
            rollout = Rollout(kube.client, Named(info.resource, info.name), info.namespace, manager=given["field-manager"],
                              known=info.object)
            try:
                kube.out(show(await act(rollout, kube)))
            except Unchanged as error:
                errors.append(error)
            except RolloutError as error:
                errors.append(CommandError(f'error: {info.resource.group_resource} "{info.name}" {error}'))
            except StatusError as error:
                errors.append(CommandError(f"failed to patch: {error.message}"))
        collected(errors)

    return run


async def _pause(rollout: Rollout, kube: Kube) -> Obj:
    return await rollout.pause()


async def _resume(rollout: Rollout, kube: Kube) -> Obj:
    return await rollout.resume()


async def _restart(rollout: Rollout, kube: Kube) -> Obj:
    return await rollout.restart(cause=kube.cause)


pause = KubeCommand("pause", _runner("paused", _pause), _FLAGS, usage=_USAGE,
                    summary="Stop rolling out: changes are kept until resume. Only Deployments can be paused.")
resume = KubeCommand("resume", _runner("resumed", _resume), _FLAGS, usage=_USAGE, summary="Roll out again what changed while paused.")
restart = KubeCommand("restart", _runner("restarted", _restart), (*_FLAGS, CAUSE), usage=_USAGE,
                      summary="Replace every pod by a new one, as a rollout of an unchanged template.")
