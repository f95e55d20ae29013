"""The compact form of the default roles, from the file beside this one. Read at every start, and not kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from wherry.rules.rbac.defaults import objects
from wherry.rules.rbac.rule import Rule, parse


def default_policy() -> dict[str, Any]:
    """What `rules.rbac.defaults.objects` reads."""
    data: dict[str, Any] = msgspec.json.decode(Path(__file__).with_name("default_policy.json").read_bytes())
    return data


def node_rules() -> tuple[Rule, ...]:
    """The rules of the role `system:node`, whatever is stored: the Node authorizer goes by them."""
    return next(parse(obj["rules"]) for obj in objects(default_policy()) if obj["metadata"]["name"] == "system:node")
