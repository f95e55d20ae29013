"""Replies as YAML. Called by `rendering`, and imported only then."""

from __future__ import annotations

from wherry.kit import yaml_text


def dump(value: object) -> bytes:
    return yaml_text.dump(value).encode()
