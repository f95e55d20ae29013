"""YAML text as Go's libraries write it: keys in natural order, quotes only where needed, block text for several lines, no aliases.

Called by the server for YAML answers and by kubectl's output; imported only where YAML is written, as loading the library takes a while.
Source: sigs.k8s.io/yaml, go.yaml.in/yaml/v2 (encode.go; sorter.go for the order of keys).
"""

from __future__ import annotations

import re
from typing import Any

import yaml

#: texts that YAML 1.1 (or old parsers of it) would read as something else than text
_NOT_TEXT = re.compile(
    r"|~|null|Null|NULL|[yYnN]|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|<<"
    r"|[-+]?[0-9][0-9_]*|[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?0x[0-9a-fA-F_]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    r"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
    r"|\d{4}-\d{1,2}-\d{1,2}([Tt ]\s*\d{1,2}:\d{1,2}:\d{1,2}(\.\d*)?\s*(Z|[-+]\d{1,2}(:?\d{2})?)?)?"
)
_TOKENS = re.compile(r"[0-9]+|.", re.DOTALL)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Without aliases, and with our own rule for quotes."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: Any, value: str) -> Any:
    if "\n" in value:
        style: str | None = "|"
    else:
        style = '"' if _NOT_TEXT.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _float(dumper: Any, value: float) -> Any:
    text = str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


def _mapping(dumper: Any, value: dict[Any, Any]) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", sorted(value.items(), key=lambda item: natural(str(item[0]))))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _float)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9][0-9.]*e[-+][0-9]+"), list("-+0123456789"))


def natural(key: str) -> list[tuple[int, int, int, int]]:
    """What keys sort by: signs before numbers before letters, numbers by value, of equal ones the shorter first."""
    return [_token(token) for token in _TOKENS.findall(key)]


def _token(token: str) -> tuple[int, int, int, int]:
    if token.isalpha():
        return (1, ord(token), 0, 0)
    return (0, int(token), len(token), 0) if token[0] in "0123456789" else (0, 0, 0, ord(token))


def dump(value: Any) -> str:
    """One document."""
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=1 << 30, sort_keys=False)
    return text
