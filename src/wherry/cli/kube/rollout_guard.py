"""`rollout guard`: follows a rollout and undoes it when a condition fails.

For a pipeline: the exit status is 0 when the rollout went well, 4 when it was undone, 5 when it failed and could not be undone, and 1 when
it could not be followed (no such object, no time left).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import FILES, SELECTOR

if TYPE_CHECKING:
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.rollout_live import Screen
    from wherry.cli.kube.session import Kube
    from wherry.rollout.guard import Conditions
    from wherry.rollout.guarding import Outcome

UNDONE, FAILED = 4, 5
_FLAGS = joined((
    FILES, SELECTOR,
    Flag("on-deadline", "Undo when the progress deadline strikes.", kind="bool", default=True),
    Flag("on-stuck", "Undo when a cause is found that waiting will not mend, such as a missing image.", kind="bool"),
    Flag("max-restarts", "Undo when the containers of the new pods have restarted more often; -1: do not count.", kind="int", default=-1),
    Flag("ready-ratio", "Undo when fewer of the wanted pods are ready, such as 0.8 or 80%."),
    Flag("probe", "Undo when this URL does not answer with a status of 200 to 399; can be repeated.", kind="array"),
    Flag("query", 'Undo when a Prometheus query gives a result: "URL EXPRESSION"; can be repeated.', kind="array"),
    Flag("require-answers", "A query that gets no answer counts as failed; else the end says which were never answered.", kind="bool"),
    Flag("interval", "Time between two looks at ratio, probes and queries.", kind="duration", default=5.0),
    Flag("failures", "How often in a row ratio, a probe or a query must fail.", kind="int", default=3),
    Flag("settle", "How long the conditions must hold after the rollout is done.", kind="duration", default=0.0),
    Flag("timeout", "End without an undo after that time, zero means never.", kind="duration", default=0.0),
    Flag("wait", "Follow the undo until it is done.", kind="bool", default=True),
    Flag("dry-run", "Judge, but do not undo.", kind="bool"),
    Flag("live", "Show the rollout as a live screen.", kind="bool"),
    Flag("output", "json: one JSON value a line.", short="o"),
))


async def _run(kube: Kube, given: Given) -> int:
    import asyncio

    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query
    from wherry.cli.kube.rollout_live import Screen, screen

    if not given.arguments and not given["filename"] and not given["kustomize"]:
        raise CommandError("required resource not specified")
    if given["output"] not in ("", "json"):
        raise CommandError(f'unable to match a printer suitable for the output format "{given["output"]}", allowed formats are: json')
    conditions = _conditions(given)
    found = await gather(kube, query(kube))
    collected(found.errors)
    shown = screen(kube) if given["live"] else Screen(kube)
    with shown:
        outcomes = await asyncio.gather(*(_guard(kube, info, conditions, shown) for info in found.infos))
    for info, outcome in zip(found.infos, outcomes, strict=True):
        kube.out(_said(kube, info, outcome))
    if given["wait"]:
        await _settled(kube, [info for info, outcome in zip(found.infos, outcomes, strict=True) if outcome.undone_to])
    failed = [outcome for outcome in outcomes if not outcome.ok]
    return 0 if not failed else FAILED if any(not outcome.undone_to for outcome in failed) else UNDONE


def _conditions(given: Given) -> Conditions:
    from wherry.cli.kube.errors import CommandError
    from wherry.rollout.guard import Conditions, checked, query, ratio

    try:
        least = ratio(given["ready-ratio"]) if given["ready-ratio"] else None
    except ValueError as error:
        raise CommandError(f'invalid argument "{given["ready-ratio"]}" for --ready-ratio: {error}') from None
    return checked(Conditions(
        given["on-deadline"], given["on-stuck"], given["max-restarts"] if given["max-restarts"] >= 0 else None, least, given["probe"],
        tuple(map(query, given["query"])), given["interval"], given["failures"], given["settle"],
        given["require-answers"]))


async def _guard(kube: Kube, info: Info, conditions: Conditions, shown: Screen) -> Outcome:
    import asyncio

    from wherry.rollout.guarding import Guard
    from wherry.rollout.targets import Named, require

    require(info.resource, "status", "status viewer")
    guard = Guard(kube.client, Named(info.resource, info.name), info.namespace, conditions, say=shown.show, now=kube.now,
                  dry_run=kube.given["dry-run"])
    async with asyncio.timeout(kube.given["timeout"] or None):
        return await guard.run()


def _said(kube: Kube, info: Info, outcome: Outcome) -> str:
    from dataclasses import asdict

    from wherry.cli.kube.printing import named
    from wherry.cli.kube.text.values import compact

    if kube.given["output"] == "json":
        return compact({"type": "outcome", "object": info.shown, "ok": outcome.ok, **asdict(outcome)}) + "\n"
    if outcome.ok:
        if outcome.unanswered:
            asked = ", ".join(outcome.unanswered)
            kube.err(f"Warning: never answered: {asked}; nothing is known of it (--require-answers makes that a failure)\n")
            return named(info.object, "rolled out, and every condition that got an answer held")
        return named(info.object, "rolled out, and every condition held")
    if outcome.undone_to:
        return named(info.object, f"rolled back to revision {outcome.undone_to}: {outcome.reason}")
    return named(info.object, f"failed: {outcome.reason}; {outcome.trouble}")


async def _settled(kube: Kube, infos: list[Info]) -> None:
    """Every undo, until it is done."""
    from wherry.cli.kube.errors import collected
    from wherry.cli.kube.rollout_live import follow_all

    if infos:
        collected(await follow_all(kube, infos, timeout=kube.given["timeout"]))


guard = KubeCommand("guard", _run, _FLAGS, usage="(TYPE NAME | TYPE/NAME)",
                    summary="Follow a rollout, and undo it when a condition fails. The exit status is 0 when it went well, 4 when it was "
                            "undone, 5 when it failed and could not be undone.")
