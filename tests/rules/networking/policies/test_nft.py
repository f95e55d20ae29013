"""The commands say only what changed, in an order that can be cut anywhere."""

from __future__ import annotations

from typing import Any

from wherry.rules.networking.policies import nft
from wherry.rules.networking.policies.facts import NamedPort, PolicyPod
from wherry.rules.networking.policies.ruleset import Ruleset, World, ruleset

Obj = dict[str, Any]


def _pod(number: int, **labels: str) -> PolicyPod:
    ports = (NamedPort("web", "tcp", 8000 + number),)
    return PolicyPod(f"u{number}", "x", tuple(sorted(labels.items())), (f"10.244.0.{number}", f"fd00::{number}"), ports, "n0")


def _world(*pods: PolicyPod) -> World:
    return World(pods, {"x": {}}, {"n0": ("10.0.0.1",)})


def _policy(name: str = "p", **spec: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": "x"}, "spec": {"podSelector": {"matchLabels": {"a": "1"}}, **spec}}


_FROM_B = {"from": [{"podSelector": {"matchLabels": {"b": "1"}}}]}


def _changes(old: Ruleset, new: Ruleset, family: int = 4) -> str:
    return "\n".join(nft.changes(old, new, family))


def test_a_rule_says_whom_and_what_it_lets_in() -> None:
    rules = ruleset([_policy(ingress=[{**_FROM_B, "ports": [{"port": 80, "endPort": 90}, {"port": 443}, {"port": "web"}]}])],
                    _world(_pod(1, a="1"), _pod(2, b="1")))  # fmt: skip
    text = _changes(Ruleset(), rules)
    [peers], [named] = rules.peers, rules.named
    assert f'ip saddr @{peers} meta l4proto tcp th dport {{ 80-90, 443 }} accept comment "x/p"' in text
    assert f"ip saddr @{peers} ip daddr . meta l4proto . th dport @{named} accept" in text
    assert f"add element ip wherry-policies {peers} {{ 10.244.0.2 }}" in text
    assert "10.244.0.1 . tcp . 8001" in text
    assert "add element ip wherry-policies always { 10.0.0.1 . 10.244.0.1, 10.244.0.1 . 10.0.0.1, 10.244.0.1 . 10.244.0.1 }" in text


def test_a_block_is_the_networks_that_are_left_of_it() -> None:
    block = {"ipBlock": {"cidr": "10.0.0.0/30", "except": ["10.0.0.2/32"]}}
    text = _changes(Ruleset(), ruleset([_policy(egress=[{"to": [block]}])], _world(_pod(1, a="1"))))
    assert 'ip daddr { 10.0.0.0/31, 10.0.0.3/32 } accept comment "x/p"' in text


def test_one_more_pod_is_elements_of_sets() -> None:
    policies = [_policy(ingress=[_FROM_B])]
    old = ruleset(policies, _world(_pod(1, a="1"), _pod(2, b="1")))
    text = _changes(old, ruleset(policies, _world(_pod(1, a="1"), _pod(2, b="1"), _pod(3, b="1"), _pod(4, a="1"))))
    assert {line.rpartition(" {")[0].partition(" wherry-policies ")[0] for line in text.splitlines()} == {"add element ip"}
    assert text.count("\n") == 2


def test_a_changed_policy_touches_its_own_chain() -> None:
    world = _world(_pod(1, a="1"), _pod(2, b="1"))
    others = [_policy(f"p{each}", ingress=[_FROM_B]) for each in range(5)]
    old, new = (ruleset([*others, _policy("it", ingress=[{**_FROM_B, "ports": [{"port": port}]}])], world) for port in (80, 81))
    [chain] = [name for name, policy in new.ingress.policies.items() if policy.about == "x/it"]
    assert [line.split()[:5] for line in _changes(old, new).splitlines()] == [
        ["flush", "chain", "ip", "wherry-policies", chain], ["add", "rule", "ip", "wherry-policies", chain],
    ]  # fmt: skip


def test_nothing_is_said_where_nothing_changed() -> None:
    rules = ruleset([_policy(ingress=[_FROM_B])], _world(_pod(1, a="1"), _pod(2, b="1")))
    assert nft.changes(rules, rules, 4) == []


def test_a_pod_that_changes_its_group_is_never_without_one() -> None:
    world = _world(_pod(1, a="1"))
    old, new = ruleset([_policy("one")], world), ruleset([_policy("one"), _policy("two")], world)
    [moved] = [text for text in nft.changes(old, new, 4) if "element ip wherry-policies ingress" in text]
    assert [line.split()[0] for line in moved.splitlines()] == ["delete", "add"]


def test_each_family_has_a_table_of_its_own_addresses() -> None:
    world = _world(_pod(1, a="1"), _pod(2, b="1"))
    six = ruleset([_policy(ingress=[_FROM_B])], world, 6)
    text = _changes(Ruleset(), six, 6)
    assert "10.244" not in text
    assert "ip6 saddr @" in text
    assert "fd00::1 : goto" in text
    assert "nd-neighbor-solicit" in nft.begin(6)[0]
