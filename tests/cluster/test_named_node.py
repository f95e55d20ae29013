"""A node under a name of its own: what has to be so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wherry import Cluster
from wherry.cluster.option_values import OptionError


@pytest.mark.parametrize(("options", "why"), [
    ({"nodes": 1}, "it is of a node that runs programs"),
    ({"nodes": 1, "runtime": "process", "run_nodes": False}, "it is of a node that runs programs"),
    ({"nodes": 3, "runtime": "process"}, "one node has it, not 3: --nodes 1"),
    ({"nodes": 1, "runtime": "process", "node_name": "A_b"}, "a lowercase RFC 1123 subdomain must consist of"),
    ({"nodes": 1, "runtime": "process"}, "other machines do not reach this one; --bind-address 0.0.0.0 lets them"),
    ({"nodes": 1, "runtime": "process", "serve": False, "host": "192.0.2.1"}, "other machines do not reach this one"),
])  # fmt: skip
def test_what_it_takes(options: dict[str, Any], why: str) -> None:
    async def start() -> None:
        async with Cluster(**{"node_name": "alpha", **options}):
            pass

    with pytest.raises(OptionError, match=f"node_name: {why}"):
        asyncio.run(start())
