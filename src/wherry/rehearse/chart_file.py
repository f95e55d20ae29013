"""A rehearsal drawn to a file: SVG, PNG or PDF, by its ending. Needs matplotlib, imported when it draws.

Called by the command line for --chart, and by programs. One panel for each report, all with the same scales, so that strategies compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wherry.rehearse.report import Report
from wherry.rehearse.text import seconds
from wherry.rehearse.world import RehearsalError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ENDINGS = (".svg", ".png", ".pdf")
#: kept apart by brightness too, for those who do not tell the colours apart
_LAYERS = (("#2f6f4f", "available, new"), ("#4f8fc0", "available, old"), ("#f2c14e", "starting"), ("#c9c9c9", "ending"))
_SIZE = (9.0, 3.4)


def check(path: Path) -> None:
    """Raises RehearsalError when nothing can be drawn to that file."""
    if path.suffix.lower() not in ENDINGS:
        raise RehearsalError(f"{path}: charts are drawn as {', '.join(e[1:] for e in ENDINGS)}")
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise RehearsalError("charts need matplotlib: pip install matplotlib") from None


def draw(reports: Sequence[Report], path: Path) -> None:
    """Raises RehearsalError, OSError."""
    check(path)
    import matplotlib
    from matplotlib.figure import Figure

    end = max(report.end for report in reports) or 1.0
    top = max(max(m.pods for m in report.timeline) for report in reports)
    # the same picture has the same bytes
    with matplotlib.rc_context({"svg.hashsalt": "wherry", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(_SIZE[0], _SIZE[1] * len(reports)), layout="constrained", facecolor="white")
        panels = figure.subplots(len(reports), 1, squeeze=False, sharex=True)
        for (panel,), report in zip(panels, reports, strict=True):
            _panel(panel, report, end, top)
        panels[-1][0].set_xlabel("seconds from the start of the rollout")
        handles, names = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=8)
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else {}
        figure.savefig(path, dpi=150, metadata=metadata)


def _panel(panel: Axes, report: Report, end: float, top: int) -> None:
    from matplotlib.ticker import MaxNLocator

    # several changes at one time would be lines without width
    settled = list({m.at: m for m in report.timeline}.values())
    times, moments = [m.at for m in settled] + [report.end], [*settled, settled[-1]]
    heights = [
        [m.available_new for m in moments],
        [m.available_old for m in moments],
        [m.starting for m in moments],
        [m.ending for m in moments],
    ]
    panel.stackplot(times, heights, step="post", colors=[c for c, _ in _LAYERS], labels=[n for _, n in _LAYERS], linewidth=0)
    panel.axhline(report.wanted, color="black", linewidth=1, linestyle="--", label="wanted")
    panel.step(times, [m.available for m in moments], where="post", color="black", linewidth=1.2, label="available")
    if report.deadline_at is not None:
        panel.axvline(report.deadline_at, color="#b3261e", linewidth=1.2)
        panel.annotate("deadline", (report.deadline_at, top), color="#b3261e", fontsize=8, ha="right", va="top", rotation=90)
    panel.annotate(
        f"{report.lowest_available}",
        (report.lowest_at, report.lowest_available),
        xytext=(4, -12),
        textcoords="offset points",
        fontsize=9,
        fontweight="bold",
        color="white",
    )
    ends = seconds(report.duration) if report.duration is not None else "does not finish"
    strategy = "" if report.strategy == "as it is" else f", {report.strategy}"
    panel.set_title(
        f"{report.workload}: {report.change}{strategy} ({ends}, {report.lowest_available} of {report.wanted} available at least)",
        fontsize=10,
        loc="left",
    )
    panel.set_ylabel("pods")
    panel.set_xlim(0, end)
    panel.set_ylim(0, top * 1.08)
    panel.yaxis.set_major_locator(MaxNLocator(integer=True))
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
