"""The options of a cluster as flags of `wherry up`, made of the fields of `Options`: one flag each, checked as the field is.

`flags` decorates the command, `options_of` makes the `Options` again of what was given. Fields that a process in a terminal cannot have (it
serves, its time is real) have no flag; docs/options.md says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wherry.cli.durations import Seconds
from wherry.cluster.option_values import Description, base, description

if TYPE_CHECKING:
    from wherry.cluster.options import Options

Command = Callable[..., Any]
#: given by the command itself
_OWN = ("data_dir",)
#: texts that stand for a default that is no value
_SHOWN = {"data_dir": "the user's data directory", "nodes": "3, or as many as the data has"}
_DEFAULTS = {"port": 6443, "nodes": None, "ingress_port": 8080, "ingress_tls_port": 8443}

_METAVARS = {"image_missing": "GLOB", "image_table": "GLOB=host", "etcd_servers": "URL"}
#: how the reference calls a flag that we call otherwise
_ALSO = {"host": ("--bind-address",), "port": ("--secure-port",)}


def cluster_fields() -> list[Field[Any]]:
    from wherry.cluster.options import Options

    return [option for option in fields(Options) if description(option).up]


def flags(command: Command) -> Command:
    """All of them, in the order of the fields."""
    for option in reversed(cluster_fields()):
        command = _flag(option, description(option))(command)
    return command


def some_flags(*names: str) -> Callable[[Command], Command]:
    """Those of these fields, for commands that work on what a cluster keeps."""

    def decorate(command: Command) -> Command:
        for option in reversed(cluster_fields()):
            if option.name in names:
                command = _flag(option, description(option))(command)
        return command

    return decorate


def _flag(option: Field[Any], about: Description) -> Callable[[Command], Command]:
    name, kind = option.name.replace("_", "-"), base(option)
    default: Any = _DEFAULTS.get(option.name, about.human if about.human is not None else option.default)
    if option.name == "state":
        return click.option("--from", "state", type=click.Path(path_type=Path, dir_okay=False, exists=True),
                            help="Start with a saved state (`wherry snapshot save`).")
    if kind == "bool":
        shape = f"--{name}/--no-{name}" if default else f"--{name}"
        return click.option(shape, default=default, is_flag=True, help=about.text)
    told = f"{about.text}  [default: {_SHOWN[option.name]}]" if option.name in _SHOWN else about.text
    if kind == "tuple[str, ...]":
        told = f"{about.text}  [default: {', '.join(default)}]" if default else about.text
        return click.option(f"--{name}", multiple=True, metavar=_METAVARS.get(option.name, "NAME"), help=told)
    if kind == "float" and default is not None:
        default = f"{default:g}s"
    names = [f"--{name}", *_ALSO.get(option.name, ())]
    return click.option(*names, option.name, default=default, help=told, type=_type(option, about, kind), metavar=_metavar(option, kind),
                        show_default=option.name not in _SHOWN and default not in (None, ""))


def _type(option: Field[Any], about: Description, kind: str) -> Any:
    if kind == "int":
        return click.IntRange(int(about.least), int(about.most)) if about.least is not None and about.most is not None else click.INT
    if kind == "float":
        return Seconds() if option.name != "epoch" else click.FLOAT
    if kind == "Path":
        return click.Path(path_type=Path, file_okay=option.name not in _OWN, dir_okay=option.name in _OWN)
    return click.Choice(about.among) if about.among else click.STRING


def _metavar(option: Field[Any], kind: str) -> str | None:
    return {"Path": "DIR" if option.name in _OWN else "FILE", "float": "DURATION" if option.name != "epoch" else "SECONDS",
            "int": "NUMBER", "str": "TEXT"}.get(kind)


def options_of(home: Path, given: dict[str, Any], *, fast: bool) -> Options:
    """What a cluster is told. `fast`: the times that people watch are zero where nobody said otherwise."""
    from wherry.cluster.options import Options

    values = {option.name: given[option.name] for option in cluster_fields() if option.name not in _OWN}
    for option in cluster_fields():
        if fast and description(option).human is not None and not _said(option.name):
            values[option.name] = option.default
        if base(option) == "tuple[str, ...]" and not values[option.name]:
            values[option.name] = option.default
    return Options(data_dir=home, **values)


def _said(name: str) -> bool:
    """Somebody gave it, on the command line or in the config file."""
    from click.core import ParameterSource

    context = click.get_current_context()
    return context.get_parameter_source(name) not in (ParameterSource.DEFAULT, None)
