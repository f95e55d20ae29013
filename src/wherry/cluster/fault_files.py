"""Faults in YAML: a list of mappings with one key each, the name of a call of `cluster.faults`, and what it is given.

    - image_missing: nginx:999.*
    - crash: {pods: app=web, exit_code: 3, after: 10s}
    - api_error: {code: 429, verb: update, resource: deployments, times: 3}

Called by `Faults.load`. A single value is the call's first argument. Raises ValueError that names the entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAMES = frozenset({
    "image_missing", "image_slow", "crash", "oom_kill", "never_ready", "slow_ready", "flapping", "slow_termination", "node_lost",
    "node_cut", "node_slow", "clock_skew", "api_error", "api_conflict", "api_timeout", "api_slow", "api_dropped", "watch_cut",
})  # fmt: skip

Call = tuple[str, list[Any], dict[str, Any]]


def read(source: str | Path | Mapping[str, Any] | list[Any]) -> list[Call]:
    """The calls, in order."""
    if isinstance(source, str | Path):
        import yaml

        source = yaml.safe_load(Path(source).read_text(encoding="utf-8")) or []
    if isinstance(source, Mapping):
        source = source.get("faults", [source])
    if not isinstance(source, list):
        raise ValueError("faults are a list of mappings, one fault each")
    return [call for entry in source for call in _calls(entry)]


def _calls(entry: Any) -> Iterator[Call]:
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise ValueError(f"{entry!r} is not a fault: write it as `name: what it is given`")
    ((name, given),) = entry.items()
    if name not in NAMES:
        raise ValueError(f"{name!r} is not a fault; there are {', '.join(sorted(NAMES))}")
    if isinstance(given, Mapping):
        yield name, [], dict(given)
    else:
        yield name, [] if given is None else [given], {}
