"""`rollout status`: follows rollouts to their end and says how far they are, and on request why they are not further.

Source: kubectl pkg/cmd/rollout/rollout_status.go; --live, --why, --fail-fast and -o are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import FILES, SELECTOR

if TYPE_CHECKING:
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube
    from wherry.rollout.causes import Cause
    from wherry.rollout.progress import Progress

_FLAGS = joined((
    FILES, SELECTOR,
    Flag("watch", "Watch the status of the rollout until it's done.", short="w", kind="bool", default=True),
    Flag("revision", "Pin to a specific revision for showing its status; 0 is the last one.", kind="int"),
    Flag("timeout", "The length of time to wait before ending watch, zero means never.", kind="duration", default=0.0),
    Flag("why", "Name the pods that hold the rollout up, and the cause, as soon as it is known.", kind="bool"),
    Flag("fail-fast", "End with status 3 when the rollout cannot finish any more (implies --why).", kind="bool"),
    Flag("live", "Follow all rollouts at once on one screen; without a terminal, as plain lines.", kind="bool"),
    Flag("output", "json: one JSON value a line.", short="o"),
))


async def _run(kube: Kube, given: Given) -> int:
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query
    from wherry.rollout.explain import Stuck

    if not given.arguments and not given["filename"] and not given["kustomize"]:
        raise CommandError("required resource not specified")
    if given["revision"] < 0:
        raise CommandError(f"revision must be a positive integer: {given['revision']}")
    if given["output"] not in ("", "json"):
        raise CommandError(f'unable to match a printer suitable for the output format "{given["output"]}", allowed formats are: json')
    found = await gather(kube, query(kube))
    if not found.infos and not found.errors:
        kube.err(f"No resources found in {kube.namespace} namespace.\n")
    errors = list(found.errors)
    if given["live"]:
        from wherry.cli.kube.rollout_live import follow_all

        errors += await follow_all(kube, found.infos, timeout=given["timeout"], revision=given["revision"])
    for info in found.infos if not given["live"] else ():
        error = await follow(kube, info, timeout=given["timeout"], revision=given["revision"], watch=given["watch"])
        errors += [error] if error else []
    if len(errors) > 1 and all(isinstance(error, Stuck) for error in errors):
        kube.err("".join(f"error: {error}\n" for error in errors))
        return Stuck.exit_status
    collected(errors)
    return 0


async def follow(kube: Kube, info: Info, *, timeout: float, revision: int = 0, watch: bool = True) -> Exception | None:
    """Print one rollout's steps until its end; gives what went wrong."""
    import asyncio
    from contextlib import aclosing

    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError
    from wherry.rollout import Rollout, RolloutError
    from wherry.rollout.explain import explained
    from wherry.rollout.targets import Named

    target = Named(info.resource, info.name)
    if kube.given["why"] or kube.given["fail-fast"]:
        stream = explained(kube.client, target, info.namespace, revision=revision, fail_fast=kube.given["fail-fast"])
    else:
        stream = Rollout(kube.client, target, info.namespace, known=info.object or None).status(revision)
    try:
        async with asyncio.timeout(timeout or None), aclosing(stream) as steps:  # type: ignore[type-var]
            async for step in steps:
                kube.out(_line(kube, info, step))
                if not watch:
                    break
    except TimeoutError:
        return CommandError("timed out waiting for the condition")
    except (StatusError, RolloutError) as error:
        return error
    return None


def _line(kube: Kube, info: Info, step: Progress | Cause) -> str:
    from dataclasses import asdict

    from wherry.cli.kube.text.values import compact
    from wherry.rollout.causes import Cause

    is_cause = isinstance(step, Cause)
    if kube.given.get("output") == "json":
        return compact({"object": info.shown, "type": "cause" if is_cause else "status", **asdict(step)}) + "\n"
    if not isinstance(step, Cause):
        return step.message + "\n"
    return f"  {step}\n" + "".join(f"    | {line}\n" for line in step.log)


status = KubeCommand("status", _run, _FLAGS, usage="(TYPE NAME | TYPE/NAME)",
                     summary="Show how far a rollout is, until it is done. The exit status is 0 only for a rollout that went well.")
