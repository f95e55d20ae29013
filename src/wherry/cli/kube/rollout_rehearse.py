"""`rollout rehearse`: plays a rollout before it happens, on the live objects or on manifests alone; nothing outside is changed.

The world is read here, played in a thread by `wherry.rehearse`, and printed as words, a chart in the terminal, a file or JSON.
Exit status 3: the rollout would not finish; 4: no strategy keeps what --keep-available asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import FILES

if TYPE_CHECKING:
    from pathlib import Path

    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.manifests import Files
    from wherry.cli.kube.session import Kube
    from wherry.rehearse.change import Change
    from wherry.rehearse.compare import Comparison
    from wherry.rehearse.play import Conditions
    from wherry.rehearse.world import World

NEVER_ENDS, NOT_KEPT = 3, 4
_WIDEST = 120

_FLAGS = joined(
    (
        FILES,
        Flag("local", "Ask no server: everything there is stands in the files.", kind="bool"),
        Flag("nodes", "With --local and no nodes in the files: how many nodes, with room for everything.", kind="int", default=3),
        Flag("image", "The new image, IMAGE for all containers or CONTAINER=IMAGE; can be repeated.", kind="array"),
        Flag("to-revision", "Rehearse an undo to this revision; 0 is the one before.", kind="int", default=-1),
        Flag("steps", 'The steps of the rollout, such as "10%, pause 5m, 50%"; else those that the workload has, if any.'),
        Flag("try", "Strategies to compare, such as maxSurge=25%,maxSurge=1+maxUnavailable=0.", kind="array"),
        Flag("keep-available", "What has to stay available, a number of pods or a percentage: decides which strategy is best."),
        Flag("fault", 'What goes wrong, such as "5% of pods never become ready" or "node n3 dies at 2m"; can be repeated.', kind="array"),
        Flag("time-to-ready", "How long a pod takes from its node to ready, such as 12s or 8s,12s,30s to draw from; else as observed."),
        Flag("time-to-end", "How long a pod takes to end when it is told to."),
        Flag("time-to-pull", "How long an image takes to come to a node, on top of the time to ready."),
        Flag("seed", "Draws of chance are repeated with the same number.", kind="int", default=1),
        Flag("runs", "How often to play each strategy, with other draws of chance; the worst counts.", kind="int", default=1),
        Flag("limit", "How far to play, in the time of the cluster.", kind="duration", default=6 * 3600.0),
        Flag("chart", "Draw to this file too: .svg, .png or .pdf (needs matplotlib)."),
        Flag("color", "always, never, or auto: on a terminal.", default="auto"),
        Flag("output", "json, or table: words without a chart.", short="o"),
    )
)


async def _run(kube: Kube, given: Given) -> int:
    import asyncio
    from pathlib import Path

    from wherry.cli.kube.errors import CommandError
    from wherry.rehearse.change import parse_strategies
    from wherry.rehearse.compare import compare, parse_least
    from wherry.rehearse.world import RehearsalError

    if given["output"] not in ("", "json", "table"):
        raise CommandError(f'unable to match a printer suitable for the output format "{given["output"]}", allowed formats are: json,table')
    try:
        chart = Path(given["chart"]) if given["chart"] else None
        if chart is not None:
            from wherry.rehearse.chart_file import check

            check(chart)
        strategies = [s for text in given["try"] for s in parse_strategies(text)]
        least, conditions = parse_least(given["keep-available"]), _conditions(given)
        world, change = await _world(kube)
        found = await asyncio.to_thread(compare, world, change, strategies, conditions, least, given["runs"])
        return _show(kube, found, chart)
    except RehearsalError as error:
        raise CommandError(str(error)) from None


def _conditions(given: Given) -> Conditions:
    from wherry.rehearse.faults import parse, seconds
    from wherry.rehearse.play import Conditions
    from wherry.rehearse.timings import Timings

    ready = tuple(seconds(part) for part in given["time-to-ready"].split(",")) if given["time-to-ready"] else None
    end = seconds(given["time-to-end"]) if given["time-to-end"] else None
    pull = seconds(given["time-to-pull"]) if given["time-to-pull"] else 0.0
    return Conditions(Timings(ready, end, pull), parse(given["fault"]), given["seed"], given["limit"])


async def _world(kube: Kube) -> tuple[World, Change]:
    """Where to start, and what to change: from the arguments and the files."""
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.gather import gather, query
    from wherry.rehearse.change import Change
    from wherry.rehearse.live import read
    from wherry.rollout.targets import Named

    given = kube.given
    files = bool(given["filename"] or given["kustomize"])
    if not given.arguments and not files:
        raise CommandError("required resource not specified")
    undo = given["to-revision"] if given["to-revision"] >= 0 else None
    change = Change(_images(given["image"]), None, undo, given["steps"])
    if given["local"]:
        return _local(kube, change), change
    manifests = _manifests(kube) if files else []
    if not given.arguments:
        return await _from_file(kube, manifests, change)
    found = await gather(kube, query(kube, given.arguments, files=_no_files()))
    found.raise_errors()
    if len(found.infos) != 1:
        raise CommandError(f"one workload can be rehearsed at a time, these are {len(found.infos)}")
    info = found.infos[0]
    wanted = next((m for m in manifests if m.get("kind") == info.resource.kind and m["metadata"].get("name") == info.name), None)
    if manifests and wanted is None:
        raise CommandError(f"the files have no {info.resource.kind} {info.name}")
    return await read(kube.client, Named(info.resource, info.name), info.namespace, wanted=wanted), change


async def _from_file(kube: Kube, manifests: list[Obj], change: Change) -> tuple[World, Change]:
    """The one workload of the files is changed to what they say, as `apply` would."""
    from wherry.cli.kube.errors import CommandError
    from wherry.rehearse.live import read
    from wherry.rollout.targets import ROLLED, Named

    kinds = {row.kind: row for row in ROLLED}
    rolled = [m for m in manifests if m.get("kind") in kinds and m.get("apiVersion") == "apps/v1"]
    if len(rolled) != 1:
        raise CommandError(f"the files have {len(rolled)} workloads: name the one to rehearse")
    meta = rolled[0].get("metadata") or {}
    namespace = meta.get("namespace") or kube.namespace
    target = Named(kinds[rolled[0]["kind"]], meta.get("name", ""))
    return await read(kube.client, target, namespace, wanted=rolled[0]), change


def _local(kube: Kube, change: Change) -> World:
    from wherry.cli.kube.errors import CommandError
    from wherry.rehearse.manifests import from_manifests

    words = kube.given.arguments
    if len(words) > 2:
        raise CommandError(f"one workload can be rehearsed at a time, these are {len(words)}")
    target = "/".join(words) or None
    return from_manifests(_manifests(kube), target, namespace=kube.given["namespace"] or "default", nodes=kube.given["nodes"])


def _manifests(kube: Kube) -> list[Obj]:
    from wherry.cli.kube.gather import files_of
    from wherry.cli.kube.manifests import documents, flattened, sources

    files = files_of(kube)
    files.check()
    return [part for source in sources(files) for value in documents(source) if isinstance(value, dict) for part in flattened(value)]


def _images(given: tuple[str, ...]) -> dict[str, str]:
    """`*` stands for all containers."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, image = text.partition("=")
        found[name if equals else "*"] = image if equals else text
    return found


def _no_files() -> Files:
    from wherry.cli.kube.manifests import Files

    return Files()


# --- output ---
def _show(kube: Kube, found: Comparison, chart: Path | None) -> int:
    from wherry.rehearse.text import findings, table, verdict

    if chart is not None:
        from wherry.rehearse.chart_file import draw

        draw(found.reports, chart)
    if kube.given["output"] == "json":
        kube.out(_json(found))
    else:
        report, spread = found.shown
        kube.out(findings(report, _width(), spread))
        if kube.given["output"] == "":
            _draw(kube, found)
        if len(found.reports) > 1 or found.refused:
            kube.out("\n" + table(found))
        elif found.least != "":
            kube.out("\n" + verdict(found) + "\n")
    if found.best is not None:
        return 0
    return NOT_KEPT if any(report.duration is not None for report in found.reports) else NEVER_ENDS


def _width() -> int:
    import shutil

    return min(shutil.get_terminal_size((80, 24)).columns, _WIDEST)


def _draw(kube: Kube, found: Comparison) -> None:
    import io

    from rich.console import Console

    from wherry.rehearse.chart_terminal import chart

    width = _width()
    color = kube.given["color"] == "always" or (kube.given["color"] == "auto" and kube.color)
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=color, color_system="standard" if color else None)
    console.print(chart(found.shown[0], width), end="")
    kube.out("\n" + out.getvalue())


def _json(found: Comparison) -> str:
    from dataclasses import asdict

    from wherry.cli.kube.text.values import indented

    best = found.best
    value = {
        "best": best.strategy if best is not None else None,
        "keepAvailable": found.least if found.least != "" else None,
        "rehearsals": [{**report.to_json(), "runs": asdict(spread)} for report, spread in zip(found.reports, found.spreads, strict=True)],
        "refused": [{"strategy": name, "message": message} for name, message in found.refused],
    }
    return indented(value) + "\n"


rehearse = KubeCommand(
    "rehearse",
    _run,
    _FLAGS,
    usage="(TYPE NAME | TYPE/NAME | -f FILENAME)",
    summary="Play a rollout before it happens, in a private cluster on virtual time; nothing is changed.",
)
