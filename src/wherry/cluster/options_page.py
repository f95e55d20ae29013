"""docs/options.md, made of the fields of `Options`: `python -m wherry.cluster.options_page > docs/options.md`. A test compares the two."""

from __future__ import annotations

import sys
from dataclasses import Field, fields
from typing import Any

from wherry.cluster.option_values import Description, base, description, span
from wherry.cluster.options import Options

_HEAD = """# Options

Every option of a cluster, described once. In Python it is a field of `wherry.Options` and a keyword of `Cluster` (`Cluster(nodes=5)`),
for pytest a keyword of the marker (`@pytest.mark.wherry(nodes=5)`) and an ini option with `wherry_` before it (`wherry_nodes = 5`), on
the command line a flag of `wherry up` (`--nodes 5`), in its `--config FILE` the same word as a key (`nodes: 5`, `guards: false`). A value
that an option cannot have is refused, with those that it can. This page is made of the source (`python -m wherry.cluster.options_page`).

Times are in seconds; on the command line and in the file also as `1m30s`. `wherry up` has defaults of its own where people watch: its pods
take a moment to pull, start, become ready and end. `wherry up --fast` takes none, as clusters in Python and in tests do.

| in Python | `wherry up` | values | default | |
|---|---|---|---|---|
"""
_FOOT = """
`wherry up` has these besides: `--from FILE` (`state` above), `--fast`, `--manifests PATH` and `--faults FILE` (what the cluster starts
with), `--kubeconfig FILE` and `--merge` (where access is written), `--detach`, `--config FILE`, `-v` and `--log-format text|json`. The
marker and the ini options have `manifests`, `faults` and `kubeconfig`; the ini option `wherry_save_failed` names the folder for the states
of clusters whose test failed. `wherry up` keeps the number of nodes with the data: a later start without `--nodes` has as many. With
`--ephemeral` and no `--data-dir` it needs no directory: several can run at once.
"""
#: where the command line's default is another than Python's
UP_DEFAULTS = {"data_dir": "the user's data directory", "port": "6443", "ingress_port": "8080", "ingress_tls_port": "8443"}


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(_row(option) for option in fields(Options)) + _FOOT


def flag(option: Field[Any]) -> str:
    """Its name on the command line."""
    name = "from" if option.name == "state" else option.name.replace("_", "-")
    return f"--no-{name}" if option.default is True else f"--{name}"


def _row(option: Field[Any]) -> str:
    about = description(option)
    cells = (f"`{option.name}`", f"`{flag(option)}`" if about.up else "", _values(option, about), _default(option, about), about.text)
    return "| " + " | ".join(cells) + " |\n"


def _values(option: Field[Any], about: Description) -> str:
    if about.among:
        return " or ".join(f"`{one}`" for one in about.among)
    words = {"bool": "true or false", "int": "whole number", "float": "seconds", "str": "text", "Path": "path", "tuple[str, ...]": "list"}
    return words[base(option)] + span(about)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    return f"`{value}`" if value else "none" if value is None else "empty"


def _default(option: Field[Any], about: Description) -> str:
    shown = _shown(option.default)
    up = UP_DEFAULTS.get(option.name) or (f"{about.human:g}" if about.human is not None else "")
    return shown + (f" (`wherry up`: {up})" if up else "")


if __name__ == "__main__":
    sys.stdout.write(page())
