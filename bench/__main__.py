"""`make bench`, or `python -m bench [start] [rollout] [api] [store]`: fixed work, medians, ratios to the reference."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path

#: the reference (Kubernetes v1.36.2 on the same two-core machine): figure -> value
REFERENCE = {
    "seconds to readyz": 4.9,
    "MB resident, idle": 497.0,
    "pods/s created (its defaults)": 20.0,
    "pods/s created": 89.0,
    "get req/s": 1430.0,
    "list 500 pods req/s": 20.0,
    "create req/s": 598.0,
    "patch req/s": 519.0,
}
PARTS = ("start", "rollout", "api", "store", "testing")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--baseline", type=Path, help="figures of an earlier run, for ratios")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    baseline = json.loads(arguments.baseline.read_text()) if arguments.baseline else {}
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
    figures: dict[str, float] = {}
    for part in arguments.parts or PARTS:
        print(f"\n{part}")
        for name, value in importlib.import_module(f"bench.{part}").run():
            figures[name] = value
            print(_line(name, value, baseline.get(name)))
            sys.stdout.flush()
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def _line(name: str, value: float, before: float | None) -> str:
    line = f"  {name:<48} {value:>12,.3f}" if value < 100 else f"  {name:<48} {value:>12,.0f}"
    if before:
        line += f"   {value / before:.2f} x baseline"
    if name in REFERENCE:
        line += f"   {value / REFERENCE[name]:.2f} x reference"
    return line


if __name__ == "__main__":
    main()
