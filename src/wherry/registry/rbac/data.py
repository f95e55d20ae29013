"""The compact form of the default roles, from the files beside this one. Read at every start, and not kept.

`default_policy.json` has those of the reference; `own_policy.json` those of the parts that only wherry has: `wherry:controller:NAME`,
`wherry:simulated-nodes`, what one agent reads for all its nodes, and `wherry:node-network`, what a machine that joined reads to serve
Services, policies and names to its pods.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from wherry.rules.access.rbac.defaults import objects
from wherry.rules.access.rbac.rule import Rule, parse


def default_policy() -> dict[str, Any]:
    """What `rules.rbac.defaults.objects` reads."""
    return _read("default_policy.json")


def own_policy() -> dict[str, Any]:
    """The same for what only wherry has."""
    return _read("own_policy.json")


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(Path(__file__).with_name(name).read_bytes())
    return data


def node_rules() -> tuple[Rule, ...]:
    """The rules of the role `system:node`, whatever is stored: the Node authorizer goes by them."""
    return next(parse(obj["rules"]) for obj in objects(default_policy()) if obj["metadata"]["name"] == "system:node")
