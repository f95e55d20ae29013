"""Whether what nftables lists is a ruleset: every chain with as many rules as it should have, every set with as many elements.

Called by the component that keeps the rules, which looks from time to time whether somebody else took some away (`nft flush ruleset` above
all). Numbers and not texts are compared, as nftables words what it lists in its own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wherry.rules.networking.policies.ruleset import EGRESS, INGRESS, Ruleset

_BLOCK = re.compile(r"^\t(chain|set|map) (\S+) \{\n(.*?)^\t\}", re.MULTILINE | re.DOTALL)
_ELEMENTS = re.compile(r"elements = \{(.*?)\}", re.DOTALL)


def counts(listed: str) -> dict[str, int]:
    """By the name of a chain, set or map: its rules or elements."""
    return dict(_counts(listed))


def _counts(listed: str) -> Iterator[tuple[str, int]]:
    for kind, name, body in _BLOCK.findall(listed):
        if kind == "chain":
            lines = [line for line in body.splitlines() if line.strip() and not line.strip().startswith("type ")]
            yield name, len(lines)
        else:
            found = _ELEMENTS.search(body)
            yield name, found.group(1).count(",") + 1 if found else 0


def wanted(rules: Ruleset, family: int) -> dict[str, int]:
    """What `counts` should say."""
    more = 1 if family == 6 else 0
    # the three chains that packets enter by: neighbours are found by a rule of IPv6, the machine is known by one of IPv4
    found = {"from-pods": 3 + more, "from-pods-here": 3 + more, "to-pods": 5}
    for direction in (INGRESS, EGRESS):
        isolation = rules.of(direction)
        found[direction] = len(isolation.pods)
        found.update((name, len(policy.matches)) for name, policy in isolation.policies.items())
        found.update((name, len(chains) + 1) for name, chains in isolation.groups.items())
    found.update((name, len(addresses)) for name, addresses in rules.peers.items())
    found.update((name, len(triples)) for name, triples in rules.named.items())
    return {**found, "always": len(rules.always)}
