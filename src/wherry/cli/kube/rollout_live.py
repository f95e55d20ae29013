"""`rollout status --live`: several rollouts followed at once, as a screen, as plain lines, or as a stream of JSON values.

Called by `rollout_status`. The screen is drawn only on a terminal; a log gets lines, and `-o json` one snapshot a line.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING

from wherry.api.errors import StatusError
from wherry.cli.kube.errors import CommandError
from wherry.cli.kube.live_lines import Lines
from wherry.cli.kube.text.values import compact
from wherry.rollout.errors import Failed, OtherRevision, RolloutError
from wherry.rollout.explain import Stuck
from wherry.rollout.progress import progress
from wherry.rollout.revisions import typed
from wherry.rollout.snapshot import Snapshot
from wherry.rollout.targets import Named, require
from wherry.rollout.watching import snapshots

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

#: drawings a second
RATE = 10
#: of more rollouts than that, only those are followed that were not done when they were read: each costs some watches
MANY = 10


async def follow_all(kube: Kube, infos: list[Info], *, timeout: float, revision: int = 0) -> list[Exception]:
    """Until all are over; what went wrong."""
    followed = [info for info in infos if len(infos) <= MANY or not _is_done(info, revision)]
    shown = screen(kube)
    with shown:
        found = await asyncio.gather(*(_follow(kube, info, shown, timeout, revision) for info in followed))
    if len(followed) < len(infos) and kube.given.get("output") != "json":
        kube.out(f"{len(infos) - len(followed)} of {len(infos)} were rolled out already\n")
    return [error for error in found if error is not None]


def _is_done(info: Info, revision: int) -> bool:
    try:
        return progress(typed(info.resource, info.object), revision).done
    except RolloutError:
        return False


async def _follow(kube: Kube, info: Info, shown: Screen, timeout: float, revision: int) -> Exception | None:
    try:
        require(info.resource, "status", "status viewer")
        stream = snapshots(kube.client, Named(info.resource, info.name), info.namespace, now=kube.now)
        async with asyncio.timeout(timeout or None), aclosing(stream) as steps:  # type: ignore[type-var]
            async for step in steps:
                _same(step, revision)
                shown.show(step)
                final = [cause for cause in step.causes if cause.final]
                if kube.given.get("fail-fast") and final:
                    return Stuck(final)
                if step.failed:
                    return Failed(step.failed)
                if not kube.given.get("watch", True):
                    break
    except TimeoutError:
        return CommandError("timed out waiting for the condition")
    except (StatusError, RolloutError) as error:
        return error
    return None


def _same(step: Snapshot, revision: int) -> None:
    """Raises OtherRevision."""
    newest = step.newest
    if revision and newest is not None and newest.revision != revision:
        raise OtherRevision(f"desired revision ({revision}) is different from the running revision ({newest.revision})")


class Screen:
    """Where snapshots go: JSON, or lines."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._lines: dict[str, Lines] = {}

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...

    def show(self, step: Snapshot) -> None:
        if self._kube.given.get("output") == "json":
            self._kube.out(compact({"type": "snapshot", **asdict(step)}) + "\n")
        else:
            self._kube.out(self._lines.setdefault(step.object, Lines()).text(step))


class LiveScreen(Screen):
    """The block of bars, redrawn in place and left standing at the end."""

    def __init__(self, kube: Kube) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(kube)
        self._console = Console(highlight=False, no_color=not kube.color)
        self._steps: dict[str, Snapshot] = {}
        self._live: Live = Live(console=self._console, refresh_per_second=RATE, get_renderable=self._drawn, vertical_overflow="crop")

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def show(self, step: Snapshot) -> None:
        self._steps[step.object] = step

    def _drawn(self) -> RenderableType:
        from wherry.cli.kube.live_view import view

        return view(self._steps.values(), self._console.width, self._kube.now())


def screen(kube: Kube) -> Screen:
    """A live one where somebody looks."""
    if kube.given.get("output") == "json" or not kube.terminal or os.environ.get("TERM") == "dumb":
        return Screen(kube)
    return LiveScreen(kube)
