"""The live screen of rollouts: what a snapshot looks like on a terminal, as a rich renderable. Pure.

Called by `rollout_live`, and by whoever draws a picture of it. One line for a revision: green for ready pods, yellow (red in trouble) for
starting ones, magenta for terminating ones, dots for what is missing. The sixteen colours of the terminal are used, so it is readable on a
dark and on a light ground. Lines are cut at the width; only causes are wrapped.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wherry.rollout.causes import Cause
from wherry.rollout.snapshot import Line, Snapshot, Told
from wherry.rollout.step_status import StepsStatus
from wherry.rules.texts.age import human

#: cells of a bar, of an image, of the counts behind the bar
BAR, IMAGE, COUNTS = (10, 48), (14, 40), (24, 44)
#: causes, lines of one, and lines of its log that are shown
CAUSES, WRAPPED, LOG = 4, 3, 3
_STYLES = {"done": "green", "failed": "red", "": "yellow"}


def view(snapshots: Iterable[Snapshot], width: int, now: float) -> RenderableType:
    """All rollouts, one block each. `now`: seconds since 1970."""
    blocks = [_block(each, width, now) for each in snapshots]
    return Group(*(part for at, block in enumerate(blocks) for part in ([Text()] if at else []) + [block]))


def _block(found: Snapshot, width: int, now: float) -> RenderableType:
    parts: list[RenderableType] = [_title(found, width), _revisions(found, width)]
    if found.steps is not None:
        parts.insert(1, _steps(found.steps))
    alike = _alike(found.causes)
    for causes in alike[:CAUSES]:
        parts += _causes(causes, width)
    if len(alike) > CAUSES:
        parts.append(Text(f"  and {len(alike) - CAUSES} more", style="red"))
    parts += [_event(event, now) for event in found.events]
    return Group(*(_cut(part, width) if isinstance(part, Text) else part for part in parts))


def _cut(text: Text, width: int) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    text.truncate(width, overflow="ellipsis")
    return text


def _title(found: Snapshot, width: int) -> Text:
    state = "done" if found.done else "failed" if found.failed else ""
    word = {"done": "rolled out", "failed": "failed", "": "rolling out"}[state]
    text = Text.assemble((found.object, "bold"), "  ", (word, f"bold {_STYLES[state]}"),
                         f"  {found.updated}/{found.wanted} updated, {found.available} available")
    if found.deadline_left is not None and not found.done:
        left = f"deadline in {human(found.deadline_left)}" if found.deadline_left > 0 else "deadline exceeded"
        room = width - text.cell_len - len(left)
        text.append(" " * max(2, room) + left, style="red" if found.deadline_left < 30 else "")
    return text


def _steps(steps: StepsStatus) -> Text:
    """All steps, the present one in brackets, and what it does."""
    text = Text("  ")
    for at, step in enumerate(steps.steps, start=1):
        style = "bold" if at == steps.step else "dim" if at < steps.step else ""
        text.append(f"[{step}] " if at == steps.step else f"{step} ", style=style)
    return text.append(f" {steps.doing}", style="yellow" if steps.waits or steps.why else "")


def _revisions(found: Snapshot, width: int) -> RenderableType:
    lines = sorted(found.revisions, key=lambda line: -line.revision)
    labels = [f"{'→' if line.newest else ' '} rev {line.revision}" for line in lines]
    label = max([7, *map(len, labels)])
    room = width - label - 5
    image = max(IMAGE[0], min(IMAGE[1], room - BAR[0] - COUNTS[0], max([0, *(len(_image(line)) for line in lines)])))
    bar = max(BAR[0], min(BAR[1], room - image - COUNTS[0]))
    table = Table.grid(padding=(0, 1))
    for cells in (label, image, bar, max(0, room - image - bar)):
        table.add_column(no_wrap=True, width=cells, overflow="ellipsis")
    for line, text in zip(lines, labels, strict=True):
        table.add_row(Text(text, style="bold" if line.newest else ""), Text(_image(line), style="cyan"),
                      bars(line, max(found.wanted, line.pods), bar), _counts(line))
    return table


def _image(line: Line) -> str:
    """The images; of a long one the end, which tells revisions apart."""
    text = ",".join(line.images)
    return text if len(text) <= IMAGE[1] else "…" + text[-IMAGE[1] + 1 :]


def bars(line: Line, total: int, width: int) -> Text:
    """Whole cells for each kind of pod."""
    total = max(total, 1)
    edges = [round(width * n / total) for n in (line.ready, line.ready + line.starting, line.pods)]
    bar = Text()
    bar.append("█" * edges[0], style="green")
    bar.append("▒" * (edges[1] - edges[0]), style="red" if line.trouble else "yellow")
    bar.append("░" * (edges[2] - edges[1]), style="magenta")
    bar.append("·" * (width - edges[2]), style="bright_black")
    return bar


def _counts(line: Line) -> Text:
    text = Text()
    waiting = (line.starting, line.trouble or "starting", "red" if line.trouble else "yellow")
    for number, word, style in ((line.ready, "ready", "green"), waiting, (line.terminating, "leaving", "magenta")):
        if number:
            text.append(f"{', ' if text else ''}{number} {word}", style=style)
    if not line.starting and line.trouble:
        text.append(f"{', ' if text else ''}{line.trouble}", style="red")
    if line.restarts:
        text.append(f", {line.restarts} restart{'' if line.restarts == 1 else 's'}", style="red")
    return text


def _alike(causes: Iterable[Cause]) -> list[list[Cause]]:
    """Causes that differ in nothing but their pod are one."""
    groups: dict[tuple[str, str, str], list[Cause]] = {}
    for cause in causes:
        groups.setdefault((cause.container, cause.reason, cause.message), []).append(cause)
    return list(groups.values())


def _causes(alike: list[Cause], width: int) -> list[Text]:
    """What is wrong first, then where: the end may be cut, but not after the first line."""
    first = alike[0]
    what = f"{first.reason}: {first.message}" if first.message else first.reason
    where = f"pod {first.pod}" if first.pod else "no pods can be created"
    if len(alike) > 1:
        where = f"{len(alike)} pods: {', '.join(cause.pod for cause in alike)}"
    style = "red" if first.final else "yellow"
    lines = wrap(f"{what} ({where})", width, initial_indent="  ✗ ", subsequent_indent="    ", max_lines=WRAPPED,
                 placeholder=" …", break_on_hyphens=False)
    log = next((cause.log for cause in alike if cause.log), ())
    return [*(Text(line, style=style) for line in lines), *(Text(f"    │ {line}", style="bright_black") for line in log[-LOG:])]


def _event(event: Told, now: float) -> Text:
    age = human(max(0.0, now - event.last)) if event.last else "?"
    many = f" (x{event.count})" if event.count > 1 else ""
    return Text.assemble((f"  {age:>5} ago  ", "bright_black"), (event.reason, "yellow" if event.type == "Warning" else "blue"),
                         f"{many}  {event.about}  {event.message}")
