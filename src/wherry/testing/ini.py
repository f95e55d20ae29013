"""pytest's ini options: `wherry_` and the name of each field of `Options`, and what a project may say besides. Used by plugin and fixtures.

Texts of an ini file become values of the fields' types here; `Options` checks them when the cluster is made.
"""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any

import pytest

from wherry.cluster.option_values import base, description
from wherry.cluster.options import Options
from wherry.kit.durations import seconds

PREFIX = "wherry_"
#: ini option -> its type and help; `args` are lists, one value a line
MORE = {
    "wherry_kubeconfig": ("bool", "set $KUBECONFIG during every test that uses a cluster", False),
    "wherry_faults": ("args", "YAML files with the faults that every cluster starts with", []),
    "wherry_manifests": ("args", "files and folders with the objects that every cluster starts with", []),
    "wherry_save_failed": (
        "string",
        'the folder for the states of clusters whose test failed (default: in the cache); "off": none is saved',
        "",
    ),
}


def add(parser: pytest.Parser) -> None:
    """All of them."""
    for option in fields(Options):
        kind, default = ("args", []) if base(option) == "tuple[str, ...]" else ("string", "")
        parser.addini(PREFIX + option.name, f"wherry: {description(option).text}", type=kind, default=default)  # type: ignore[arg-type]
    for name, (kind, text, default) in MORE.items():  # type: ignore[assignment]
        parser.addini(name, f"wherry: {text}", type=kind, default=default)  # type: ignore[arg-type]


def said(config: pytest.Config) -> dict[str, Any]:
    """The fields of Options that the project chose. Raises UsageError."""
    found = {option.name: config.getini(PREFIX + option.name) for option in fields(Options)}
    return {option.name: _value(config, option, found[option.name]) for option in fields(Options) if found[option.name]}


def _value(config: pytest.Config, option: Field[Any], text: Any) -> Any:
    kind = base(option)
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text) if text.replace(".", "", 1).isdigit() else seconds(text)
        if kind == "bool":
            return {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}[text.lower()]
    except (ValueError, KeyError):
        wanted = {"int": "a number", "float": "a number of seconds", "bool": "true or false"}[kind]
        raise pytest.UsageError(f"{PREFIX}{option.name}: {text!r} is not {wanted}") from None
    return config.rootpath / text if kind == "Path" else text
