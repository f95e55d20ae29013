"""A rehearsal in words: the findings of one play, and several as a table. Pure; printed by the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import wrap

from wherry.rehearse.compare import Comparison, Spread
from wherry.rehearse.observer import Span
from wherry.rehearse.report import Budget, Drain, Report

_INDENT = 20
_MANY = 3
#: a number stays on one line with its unit
_UNIT = re.compile(r"(\d) (s|%)(?!\w)")


def findings(report: Report, width: int = 100, spread: Spread | None = None) -> str:
    """What there is to know, a line or a few each. `spread`: of the runs of which this is the worst."""
    rows = [
        ("duration", seconds(report.duration) if report.duration is not None else f"does not finish ({report.stopped})"),
        ("lowest available", f"{_of(report.lowest_available, report.wanted)}, first at {seconds(report.lowest_at)}"),
        ("most pods", f"{report.most_pods}, first at {seconds(report.most_at)}"),
        *(("steps" if i == 0 else "", f"at {seconds(at)}: {text}") for i, (at, text) in enumerate(report.steps)),
        ("runs", _runs(spread) if spread is not None and spread.runs > 1 else ""),
        ("deadline", _deadline(report)),
        ("no room", _unplaced(report.unplaced)),
        *(("not created", f"at {seconds(at)}: {message}") for at, message in report.refused),
        *(("budget " + b.name, _budget(b, report.end)) for b in report.budgets),
        *(("drain of " + d.node, _drain(d)) for d in report.drains),
        ("faults", _faults(report)),
        *(("assumes" if i == 0 else "", text) for i, text in enumerate(report.timings)),
        *(("note", text) for text in report.notes),
    ]
    head = f"{report.workload}: {report.change}" + ("" if report.strategy == "as it is" else f" ({report.strategy})")
    return head + "\n" + "".join(_row(label, text, width) for label, text in rows if text)


def _row(label: str, text: str, width: int) -> str:
    kept = _UNIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)
    lines = wrap(kept, max(width - _INDENT - 2, 30), break_long_words=False, break_on_hyphens=False)
    lines = [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
    return "".join(f"  {label if i == 0 else '':<{_INDENT - 1}} {line}\n" for i, line in enumerate(lines))


def table(comparison: Comparison) -> str:
    """Strategies side by side; the best is marked."""
    best = comparison.best
    rows = [("", "STRATEGY", "DURATION", "LOWEST AVAILABLE", "MOST PODS", "NO ROOM", "BUDGETS BROKEN")]
    for report in comparison.reports:
        rows.append(
            (
                "*" if report is best else "",
                report.strategy,
                seconds(report.duration) if report.duration is not None else "never",
                _of(report.lowest_available, report.wanted),
                str(report.most_pods),
                str(len(report.unplaced)),
                ", ".join(b.name for b in report.budgets if b.broken) or "-",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"   {name}: refused: {message}" for name, message in comparison.refused]
    return "\n".join([*lines, "", verdict(comparison)]) + "\n"


def verdict(comparison: Comparison) -> str:
    """Which strategy to take."""
    best, least = comparison.best, comparison.least
    kept = f" that keeps {least if isinstance(least, str) else _pods(least)} available" if least != "" else ""
    if best is None:
        return f"No strategy{kept} finishes." if kept else "No strategy finishes."
    return f"Fastest{kept}: {best.strategy}, in {seconds(best.duration or 0.0)}."


def seconds(value: float) -> str:
    """`0.8 s`, `42 s`, `3m20s`, `1h5m0s`."""
    if value < 60:
        return f"{value:.3g} s" if value < 10 else f"{value:.1f} s".replace(".0 s", " s")
    whole = round(value)
    hours, rest = divmod(whole, 3600)
    return (f"{hours}h" if hours else "") + f"{rest // 60}m{rest % 60}s"


def _runs(spread: Spread) -> str:
    times = _between(spread.fastest, spread.slowest) if spread.fastest is not None and spread.slowest is not None else ""
    low, high = spread.fewest_available, spread.most_available
    lowest = f"{low}" if low == high else f"{low} to {high}"
    return f"{spread.finished} of {spread.runs} finish{times}; {lowest} available at least; this is the worst"


def _between(low: float, high: float) -> str:
    return f", in {seconds(low)}" if low == high else f", in {seconds(low)} to {seconds(high)}"


def _pods(count: int) -> str:
    return f"{count} pod{'' if count == 1 else 's'}"


def _of(count: int, wanted: int) -> str:
    return f"{count} of {wanted}" + (f" ({count * 100 // wanted} %)" if wanted else "")


def _deadline(report: Report) -> str:
    if report.deadline_seconds is None:
        return ""
    limit = seconds(float(report.deadline_seconds))
    if report.deadline_at is not None:
        return f"strikes at {seconds(report.deadline_at)} (progressDeadlineSeconds {report.deadline_seconds})"
    return f"is kept: {seconds(report.longest_wait)} at most without progress, of {limit}"


def _unplaced(found: Sequence[Span]) -> str:
    if not found:
        return ""
    first = found[0]
    stay = sum(span.until is None for span in found)
    if stay:
        held = "for good" if stay == len(found) else f"{stay} of them for good"
    else:
        held = f"for up to {seconds(max((s.until or 0.0) - s.since for s in found))}"
    return f"for {_pods(len(found))}, from {seconds(first.since)} on, {held}: {first.what.partition('. ')[0]}"


def _budget(budget: Budget, end: float) -> str:
    parts = [f"wants {budget.wanted} healthy, has {budget.lowest_healthy} at least"]
    if budget.broken:
        parts.append("broken by the rollout " + _times(budget.broken))
    share = f" ({budget.blocked_seconds * 100 / end:.0f} % of the time)" if end else ""
    parts.append("lets no pod be evicted " + _times(budget.blocked) + share if budget.blocked else "never stands in the way of an eviction")
    return "; ".join(parts)


def _times(spans: Sequence[tuple[float, float]]) -> str:
    shown = ", ".join(f"{seconds(a)} to {seconds(b)}" for a, b in spans[:_MANY])
    return shown + (f" and {len(spans) - _MANY} times more" if len(spans) > _MANY else "")


def _drain(drain: Drain) -> str:
    ended = f"the node is empty at {seconds(drain.done_at)}" if drain.done_at is not None else "the node does not get empty"
    refused = f"{drain.refused} evictions refused by a budget" if drain.refused else "no eviction refused"
    return f"from {seconds(drain.at)}: {refused}, {ended}"


def _faults(report: Report) -> str:
    if not report.faults:
        return ""
    struck = f"; struck: {', '.join(pod for pod, _ in report.struck[:_MANY])}" if report.struck else ""
    more = len(report.struck) - _MANY
    return "; ".join(report.faults) + struck + (f" and {more} more" if more > 0 else "")
