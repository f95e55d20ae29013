"""JSON values as kubectl prints them: whole objects as JSON and YAML, single values as Go's fmt does.

Called by the printers and by JSONPath.
Source: sigs.k8s.io/yaml; of JSON and single values `wherry.rules.texts.jsonpath.texts`.
"""

from __future__ import annotations

from typing import Any

from wherry.rules.texts.jsonpath.texts import compact, indented, plain

__all__ = ["compact", "escaped", "indented", "plain", "yaml"]

_TERMINAL = str.maketrans({"\x1b": "^[", "\r": "\\r"})


def escaped(text: str) -> str:
    """Without characters that a terminal would act on."""
    return text.translate(_TERMINAL)


def yaml(value: Any) -> str:
    """YAML with sorted keys, quoted only where it must be."""
    from wherry.kit.yaml_text import dump

    return dump(value)
