"""Replies as YAML, written as sigs.k8s.io/yaml writes it. Called by `rendering`, and imported only then."""

from __future__ import annotations

from typing import Any

import yaml

#: what YAML 1.1 reads as booleans and PyYAML does not
_WORDS = frozenset("yYnN")


class _Dumper(yaml.CSafeDumper if hasattr(yaml, "CSafeDumper") else yaml.SafeDumper):  # type: ignore[misc]
    """YAML as sigs.k8s.io/yaml writes it: sorted keys, double quotes where quotes are needed, block text for lines."""


def _text(dumper: Any, value: str) -> Any:
    plain = value not in _WORDS and dumper.resolve(yaml.ScalarNode, value, (True, False)) == "tag:yaml.org,2002:str"
    style = "|" if "\n" in value else None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump(value: object) -> bytes:
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=1 << 30, sort_keys=True)
    return text.encode()
