"""`rollout steps`: rolls workloads out in steps, goes on with steps that are under way, and steers them.

For a pipeline: the exit status is 0 when the rollout is done, 4 when it was aborted and is back where it was, 5 when it could not be taken
back, and 1 when it could not be followed. Whoever ends the command leaves the rollout held at its step; the same command goes on.
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
    from wherry.rollout import Steps, StepsStatus

ABORTED, FAILED = 4, 5
ACTIONS = ("show", "promote", "skip", "abort", "retry")
_FLAGS = joined((
    FILES, SELECTOR,
    Flag("steps", 'The steps, such as "10%, pause 5m, 50%, check, 100%"; kept on the object.'),
    Flag("image", "CONTAINER=IMAGE: the release, written together with its steps; can be repeated.", kind="array"),
    Flag("to-revision", "The release is this earlier revision.", kind="int", default=0),
    Flag("check", 'A check, such as "name=smoke http=http://web/health latency=500ms"; can be repeated; kept on the object.', kind="array"),
    Flag("notify", "A URL that is told every step, as JSON by POST; kept on the object."),
    Flag("services", "For the steps preview and switch: active=SERVICE,preview=SERVICE; kept on the object."),
    Flag("full", "promote: on to the last step.", kind="bool"),
    Flag("reason", "abort: why, for the event and the change-cause.", default="asked for"),
    Flag("wait", "Drive the steps to their end; false: only begin, and leave them to a cluster that follows the annotation.", kind="bool",
         default=True),
    Flag("timeout", "End after that time and leave the rollout held at its step, zero means never.", kind="duration", default=0.0),
    Flag("output", "json: one JSON value a line.", short="o"),
))


async def _run(kube: Kube, given: Given) -> int:
    import asyncio

    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query

    action = given.arguments[0] if given.arguments and given.arguments[0] in ACTIONS else ""
    words = given.arguments[1:] if action else given.arguments
    if not words and not given["filename"] and not given["kustomize"]:
        raise CommandError("required resource not specified")
    if given["output"] not in ("", "json"):
        raise CommandError(f'unable to match a printer suitable for the output format "{given["output"]}", allowed formats are: json')
    found = await gather(kube, query(kube, words))
    done = await asyncio.gather(*(_tried(kube, info, action) for info in found.infos))
    collected([*found.errors, *(each for each in done if isinstance(each, Exception))])
    return max((each for each in done if isinstance(each, int)), default=0)


async def _tried(kube: Kube, info: Info, action: str) -> int | Exception:
    """The exit status for one object, or what went wrong."""
    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError
    from wherry.errors import WherryError
    from wherry.rollout import Steps
    from wherry.rollout.targets import Named, require

    try:
        require(info.resource, "status", "status viewer")
        steps = Steps(kube.client, Named(info.resource, info.name), info.namespace, now=kube.now)
        return await (_steered(kube, info, steps, action) if action else _rolled(kube, info, steps))
    except StatusError as error:
        return error
    except WherryError as error:
        if str(error).startswith("cannot be undone"):
            kube.err(f'error: {info.resource.group_resource} "{info.name}" {error}\n')
            return FAILED
        return CommandError(f'error: {info.resource.group_resource} "{info.name}" {error}')


async def _steered(kube: Kube, info: Info, steps: Steps, action: str) -> int:
    given = kube.given
    match action:
        case "promote":
            status = await steps.promote(full=given["full"])
        case "skip":
            status = await steps.skip()
        case "abort":
            status = await steps.abort(given["reason"])
        case "retry":
            status = await steps.retry()
        case _:
            status = await steps.status()
            if not status.since:
                kube.out(f"{status.object}: nothing was rolled out in steps yet\n")
                return 0
    _say(kube, status)
    return 0


async def _rolled(kube: Kube, info: Info, steps: Steps) -> int:
    """Begin, when something to begin is given, and drive to the end."""
    import asyncio

    from wherry.cli.kube.errors import CommandError

    given = kube.given
    if any(given.said(flag) for flag in ("steps", "image", "to-revision", "check", "notify", "services")):
        begun = await steps.begin(given["steps"], images=_images(given["image"]), to_revision=given["to-revision"],
                                  checks=given["check"] if given.said("check") else None,
                                  notify=given["notify"] if given.said("notify") else None,
                                  services=given["services"] if given.said("services") else None)
        _say(kube, begun)
        if begun.is_over:
            kube.err("there is no new release yet: give one with --image, or pause the Deployment, apply it, and run this again\n")
            return 0
    if not given["wait"]:
        return 0
    last: list[StepsStatus] = []

    def say(status: StepsStatus) -> None:
        last[:] = [status]
        _say(kube, status)

    try:
        async with asyncio.timeout(given["timeout"] or None):
            status = await steps.run(say=say)
    except TimeoutError:
        raise CommandError(f"error: timed out; {_left(info, last)}") from None
    except asyncio.CancelledError:
        kube.err(f"{_left(info, last)}\n")
        raise
    return ABORTED if status.phase == "aborted" else 0


def _left(info: Info, last: list[StepsStatus]) -> str:
    shown = f"{info.resource.singular}/{info.name}"
    if not last or last[0].is_over:
        return f"{shown} is not in steps"
    return f'{shown} is held at {last[0].shown_step}; "rollout steps {shown}" goes on, "rollout steps abort {shown}" takes it back'


def _images(words: tuple[str, ...]) -> dict[str, str]:
    from wherry.cli.kube.errors import CommandError

    found = dict(word.partition("=")[::2] for word in words)
    if wrong := [word for word in words if not all(word.partition("="))]:
        raise CommandError(f'invalid argument "{wrong[0]}" for --image: must be CONTAINER=IMAGE')
    return found


def _say(kube: Kube, status: StepsStatus) -> None:
    from dataclasses import asdict

    from wherry.cli.kube.text.values import compact

    if kube.given["output"] == "json":
        kube.out(compact({"type": "steps", **asdict(status)}) + "\n")
    else:
        kube.out(f"{status.object}: {status}\n")


steps = KubeCommand("steps", _run, _FLAGS, usage=f"[{' | '.join(ACTIONS)}] (TYPE NAME | TYPE/NAME)",
                    summary="Roll out in steps, with checks between them, on any cluster: without an action, begin (or go on) and drive to "
                            "the end. The exit status is 0 when it is done, 4 when it was aborted and taken back, 5 when it could not be "
                            "taken back.")
