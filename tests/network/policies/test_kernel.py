"""What nftables makes of the commands: step by step the same as at once."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from wherry.rules.networking.policies import listing, nft
from wherry.rules.networking.policies.facts import NamedPort, PolicyPod
from wherry.rules.networking.policies.ruleset import Ruleset, World, ruleset

pytestmark = pytest.mark.real_nodes
Obj = dict[str, Any]
_LABELS = ({}, {"a": "1"}, {"a": "2"}, {"b": "1"})


def _facts(rng: random.Random) -> tuple[list[Obj], World]:
    pods = tuple(
        PolicyPod(f"u{at}", rng.choice("xy"), tuple(rng.choice(_LABELS).items()), (f"10.244.0.{at}", f"fd00::{at}"),
                  (NamedPort("web", "tcp", rng.choice((80, 81))),), "n0")
        for at in range(1, 8) if rng.random() < 0.7
    )  # fmt: skip
    policies: list[Obj] = [
        {"metadata": {"name": f"p{at}", "namespace": rng.choice("xy")}, "spec": {
            "podSelector": {"matchLabels": rng.choice(_LABELS)}, "ingress": _rules(rng, "from"), "egress": _rules(rng, "to"),
            "policyTypes": rng.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"])),
        }} for at in range(rng.randrange(4))
    ]  # fmt: skip
    return policies, World(pods, {"x": {"a": "1"}, "y": {}}, {"n0": ("10.0.0.1", "fd01::1")})


def _rules(rng: random.Random, peers: str) -> list[Obj]:
    some: list[Obj] = [
        {}, {peers: [{"podSelector": {"matchLabels": rng.choice(_LABELS)}}]}, {peers: [{"namespaceSelector": {"matchLabels": {"a": "1"}}}]},
        {peers: [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.244.0.3/32"]}}, {"ipBlock": {"cidr": "fd00::/16"}}],
         "ports": [{"port": 80, "endPort": 82}, {"port": 5, "protocol": "SCTP"}]},
        {"ports": [{"port": "web"}, {"protocol": "UDP"}]},
    ]  # fmt: skip
    return rng.sample(some, rng.randrange(3))


def _blocks(listed: str) -> list[str]:
    return sorted(re.findall(r"^\t(?:chain|set|map) .*?^\t\}", listed, re.MULTILINE | re.DOTALL))


def _listed(steps: list[str], folder: Path, family: int) -> str:
    """The table after these transactions, in a network namespace of its own."""
    script = []
    for at, text in enumerate(steps):
        (folder / f"{at}.nft").write_text(text + "\n")
        script.append(f"nft -f {folder}/{at}.nft")
    script.append(f"nft list table {'ip' if family == 4 else 'ip6'} {nft.TABLE}")
    unshare = shutil.which("unshare")
    assert unshare is not None
    done = subprocess.run(
        [unshare, "--user", "--map-root-user", "--net", "sh", "-ec", "\n".join(script)], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("seed", range(6))
def test_a_way_of_changes_leads_where_a_fresh_start_does(seed: int, family: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    steps, last = ["\n".join(nft.begin(family))], Ruleset()
    for _ in range(12):
        new = ruleset(*_facts(rng), family)
        # cut anywhere: every beginning is something that nftables takes
        texts = nft.changes(last, new, family)
        at = rng.randrange(len(texts) + 1)
        steps += ["\n".join(part) for part in (texts[:at], texts[at:]) if part]
        last = new
    fresh = ["\n".join([*nft.begin(family), *nft.changes(Ruleset(), last, family)])]
    listed = _listed(steps, tmp_path, family)
    assert _blocks(listed) == _blocks(_listed(fresh, tmp_path, family))
    assert listing.counts(listed) == listing.wanted(last, family)
    flushed = f"flush table {'ip' if family == 4 else 'ip6'} {nft.TABLE}"
    assert listing.counts(_listed([*fresh, flushed], tmp_path, family)) != listing.counts(listed)
