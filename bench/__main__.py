"""`make bench`, or `python -m bench [PART ...]`: fixed work, medians of several runs, ratios to the reference and to a baseline.

Each part runs in a process of its own (`bench.one`). Without a name the short parts run; `all` runs every one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.setup import Settings, machine

#: the reference (Kubernetes v1.36.2 on the same two-core machine): figure -> value
REFERENCE = {
    "seconds to readyz": 4.9,
    "MB resident, idle": 497.0,
    "pods/s created": 89.0,
    "pods/s rolled": 62.0,
    "pods/s created (its defaults)": 20.0,
    "pods/s rolled (its defaults)": 9.7,
    "get req/s": 1430.0,
    "list 500 pods req/s": 20.0,
    "create req/s": 598.0,
    "patch req/s": 519.0,
}
#: part -> what it is about, the short ones first
PARTS = {
    "start": "process start to readyz and to the first pod Ready; idle memory",
    "rollout": "1,000 pods created and rolled; memory store, SQLite",
    "api": "get, list, create, patch; plain and TLS",
    "store": "the stores alone",
    "watch": "an event to 1, 100, 1,000 watchers",
    "mixed": "100 Deployments rolled while others read and watch",
    "testing": "20 tests, on this and on other fakes",
    "curve": "a rollout watched: pods per revision over time",
    "processes": "one process and two: pods per second, processor time per pod",
    "api-full": "every verb; 1, 16, 128 connections",
    "workloads": "many Deployments, StatefulSet, DaemonSet, affinity",
    "growth": "rollouts of 1,000, 5,000, 20,000 pods",
    "history": "a million writes, then a restart",
    "dashboard": "1,000 workloads on the page: first view, updates, what is shipped (Chromium)",
    "scale": "5,000 nodes and 150,000 pods: the objectives of the reference, and how time and memory grow",
    "names": "the cluster's name server: answers a second",
    "services": "1,000 Services as rules: from nothing, and one of them changed",
    "traffic": "rolling updates of real servers under new connections: how many fail",
    "ingress": "rolling updates of real servers under requests through an Ingress: how many fail",
    "nodes": "real nodes: engine, pods, exec, log; pods per second from create to Ready",
    "containers": "a container runtime, as root: pods per second by bare calls and by a cluster; a look at all, memory",
}
SHORT = ("start", "rollout", "api", "store", "watch", "mixed", "testing")
#: those that can measure another API server
FOREIGN = ("rollout", "api", "api-full")
Series = dict[str, dict[str, list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="parts:\n" + "\n".join(f"  {name:<10} {what}" for name, what in PARTS.items()),
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: {', '.join(SHORT)}; all: every one")
    parser.add_argument("--runs", type=int, default=1, help="how often each part runs; figures are medians")
    parser.add_argument("--full", action="store_true", help="api in full (the part api-full instead)")
    parser.add_argument("--json", type=Path, help="write figures, curves and machine here too")
    parser.add_argument("--baseline", type=Path, help="what --json wrote in an earlier run, for ratios")
    parser.add_argument("--plots", type=Path, help="write curves as PNG into this directory")
    parser.add_argument("--profile", type=Path, help="write a flame graph of each part into this directory (py-spy)")
    parser.add_argument("--kubeconfig", default="", help=f"measure this API server: {', '.join(FOREIGN)}")
    parser.add_argument("--size", type=float, default=1.0, help="the share of the usual work; figures of other shares do not compare")
    arguments = parser.parse_args()
    parts = _parts(parser, arguments)
    settings = Settings(str(Path(arguments.kubeconfig).absolute()) if arguments.kubeconfig else "", arguments.size)
    report = _measure(parts, arguments, settings)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1))
    if arguments.plots:
        from bench.plots import draw

        for path in draw(report["series"], arguments.plots):
            print(f"drawn: {path}")


def _parts(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[str]:
    parts = list(arguments.parts) or list(FOREIGN[:2] if arguments.kubeconfig else SHORT)
    parts = list(PARTS) if parts == ["all"] else parts
    if arguments.full:
        parts = ["api-full" if part == "api" else part for part in parts]
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}, all")
    if arguments.kubeconfig and (own := [part for part in parts if part not in FOREIGN]):
        parser.error(f"only of clusters of ours: {', '.join(own)}")
    if arguments.profile and shutil.which("py-spy", path=str(Path(sys.executable).parent)) is None:
        parser.error("--profile needs py-spy: pip install py-spy")
    return parts


def _measure(parts: list[str], arguments: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    baseline = json.loads(arguments.baseline.read_text()) if arguments.baseline else {}
    baseline = baseline.get("figures", baseline)
    where = machine()
    print(f"Python {where['python']}, {where['cores']} cores ({where['cpu']}), load {where['load'][0]:.2f}")
    figures: dict[str, float] = {}
    loads: dict[str, list[float]] = {}
    series: Series = {}
    for part in parts:
        print(f"\n{part}")
        runs: dict[str, list[float]] = {}
        for number in range(arguments.runs):
            for name, value in _run(part, settings, arguments.profile, series):
                runs.setdefault(name, []).append(value)
                if number == arguments.runs - 1:
                    figures[name] = statistics.median(runs[name])
                    print(_line(name, figures[name], baseline.get(name)), flush=True)
        loads[part] = machine()["load"]
        print(f"  (load {loads[part][0]:.2f})")
    return {"machine": where, "runs": arguments.runs, "size": settings.size, "figures": figures, "load after": loads, "series": series}


def _run(part: str, settings: Settings, profile: Path | None, series: Series) -> Iterator[tuple[str, float]]:
    """The figures of one run as they come; curves go to `series`. Ends the program when the part fails."""
    command = [sys.executable, "-m", "bench.one", part.replace("-", "_"), json.dumps(settings.as_dict())]
    if profile is not None:
        profile.mkdir(parents=True, exist_ok=True)
        spy = str(Path(sys.executable).with_name("py-spy"))
        command = [spy, "record", "--subprocesses", "--nonblocking", "--rate", "200", "-o", str(profile / f"{part}.svg"), "--", *command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith("{"):
                continue  # the profiler's own words
            said = json.loads(line)
            if "series" in said:
                series.update(said["series"])
            else:
                yield said["name"], said["value"]
    if process.returncode:
        sys.exit(f"bench: {part} failed with status {process.returncode}")


def _line(name: str, value: float, before: float | None) -> str:
    line = f"  {name:<64} {value:>12,.3f}" if value < 100 else f"  {name:<64} {value:>12,.0f}"
    if before:
        line += f"   {value / before:.2f} x baseline"
    # the figures of another API server are set beside the reference's of the same name
    reference = REFERENCE.get(name.removesuffix(" (target)"))
    if reference:
        line += f"   {value / reference:.2f} x reference"
    return line


if __name__ == "__main__":
    main()
