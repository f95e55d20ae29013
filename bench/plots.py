"""Curves as PNG, with matplotlib (the extra `charts`), imported when one is drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

Lines = Mapping[str, list[float]]
#: curves whose axes are better logarithmic: what their names begin with
_LOGARITHMIC = ("growth", "requests")


def draw(series: Mapping[str, Lines], directory: Path) -> Iterator[Path]:
    """A file for each curve, and its figures beside it as JSON. The first entry of a curve is its x axis."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    directory.mkdir(parents=True, exist_ok=True)
    for name, lines in series.items():
        path = directory / (re.sub(r"\W+", "-", name).strip("-") + ".png")
        path.with_suffix(".json").write_text(json.dumps(lines, indent=1))
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.subplots()
        (across, xs), *others = lines.items()
        steps = across == "seconds"
        for label, ys in others:
            axes.plot(xs[: len(ys)], ys, label=label, drawstyle="steps-post" if steps else "default", marker=None if steps else "o")
        if name.startswith(_LOGARITHMIC):
            axes.set_xscale("log")
            axes.set_xticks(xs, [f"{x:,.0f}" for x in xs])
            axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel(across)
        axes.set_title(name)
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(path, dpi=120)
        yield path
