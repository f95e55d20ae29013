"""NetworkPolicies between pods that run programs: the cases that the reference's own conformance of network policies has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.worlds.policies import NAMESPACES, PODS, POLICIES, Pods, labelled, pods, policy
from wherry.api.options import MERGE_PATCH

pytestmark = pytest.mark.real_nodes


def _run(*stories: Callable[[Pods], Awaitable[None]]) -> None:
    """One after the other in one cluster, each without the policies of the one before."""
    async def story() -> None:
        async with pods() as at:
            for each in stories:
                await each(at)
                await at.clear()

    asyncio.run(asyncio.wait_for(story(), 57))


def _space(pod: str) -> str:
    return pod[0]


# --- who may come in ---
async def _deny_ingress(at: Pods) -> None:
    await at.apply(policy("deny", policyTypes=["Ingress"]))
    await at.holds(lambda one, other: _space(other) != "x")
    # hosts reach their pods: a probe does, and this test tells pods whom to ask
    await at.holds(lambda one, other: _space(other) != "x", "udp")


async def _deny_all(at: Pods) -> None:
    await at.apply(policy("deny", policyTypes=["Ingress", "Egress"]))
    await at.holds(lambda one, other: _space(other) != "x" and _space(one) != "x")


async def _from_pods_of_the_namespace(at: Pods) -> None:
    await at.apply(policy("a", pods=labelled(pod="a"), ingress=[{"from": [{"podSelector": labelled(pod="b")}]}]))
    await at.holds(lambda one, other: other != "x/a" or one == "x/b")


async def _from_namespaces(at: Pods) -> None:
    await at.apply(policy("ns", ingress=[{"from": [{"namespaceSelector": labelled(ns="y")}]}]))
    await at.holds(lambda one, other: _space(other) != "x" or _space(one) == "y")


async def _from_all_namespaces(at: Pods) -> None:
    await at.apply(policy("deny"), policy("all", ingress=[{"from": [{"namespaceSelector": {}}]}]))
    await at.holds(lambda one, other: True)


async def _by_expressions(at: Pods) -> None:
    not_y = {"matchExpressions": [{"key": "ns", "operator": "NotIn", "values": ["y"]}]}
    b_or_c = {"matchExpressions": [{"key": "pod", "operator": "In", "values": ["b", "c"]}]}
    await at.apply(policy("e", pods=labelled(pod="a"), ingress=[{"from": [{"namespaceSelector": not_y, "podSelector": b_or_c}]}]))
    await at.holds(lambda one, other: other != "x/a" or (_space(one) != "y" and one[2] in "bc"))


async def _one_or_the_other(at: Pods) -> None:
    peers = [{"namespaceSelector": labelled(ns="y")}, {"podSelector": labelled(pod="b")}]
    await at.apply(policy("or", pods=labelled(pod="a"), ingress=[{"from": peers}]))
    await at.holds(lambda one, other: other != "x/a" or _space(one) == "y" or one == "x/b")


async def _both(at: Pods) -> None:
    both = {"namespaceSelector": labelled(ns="y"), "podSelector": labelled(pod="b")}
    await at.apply(policy("and", pods=labelled(pod="a"), ingress=[{"from": [both]}]))
    await at.holds(lambda one, other: other != "x/a" or one == "y/b")


def test_ingress_is_let_in_by_pods_and_namespaces() -> None:
    _run(_deny_ingress, _deny_all, _from_pods_of_the_namespace, _from_namespaces, _from_all_namespaces, _by_expressions)


def test_peers_are_alternatives_and_selectors_of_one_peer_hold_together() -> None:
    _run(_one_or_the_other, _both, _stacked, _everything_wins)


async def _stacked(at: Pods) -> None:
    """What one policy allows no other takes away."""
    first = policy("first", pods=labelled(pod="a"), ingress=[{"from": [{"namespaceSelector": labelled(ns="y")}], "ports": [{"port": 80}]}])
    await at.apply(first)
    await at.holds(lambda one, other: other != "x/a" or _space(one) == "y")
    await at.holds(lambda one, other: other != "x/a", port=81)
    await at.apply(policy("second", ingress=[{"ports": [{"port": 81}]}]))
    await at.holds(lambda one, other: _space(other) != "x" or (other == "x/a" and _space(one) == "y"))
    await at.holds(lambda one, other: True, port=81)


async def _everything_wins(at: Pods) -> None:
    await at.apply(policy("deny", policyTypes=["Ingress"]), policy("allow", ingress=[{}]))
    await at.holds(lambda one, other: True)
    await at.apply(policy("deny-out", policyTypes=["Egress"]), policy("allow-out", egress=[{}]))
    await at.holds(lambda one, other: True)


# --- ports ---
async def _numbers(at: Pods) -> None:
    await at.apply(policy("port", ingress=[{"ports": [{"port": 81}]}]))
    await at.holds(lambda one, other: _space(other) != "x")
    await at.holds(lambda one, other: True, port=81)
    await at.holds(lambda one, other: _space(other) != "x", "udp")


async def _range(at: Pods) -> None:
    await at.apply(policy("range", ingress=[{"ports": [{"port": 81, "endPort": 9000}]}]))
    await at.holds(lambda one, other: _space(other) != "x")
    await at.holds(lambda one, other: True, port=81)


async def _names(at: Pods) -> None:
    await at.apply(policy("named", ingress=[{"ports": [{"port": "serve-81-tcp"}, {"port": "serve-80-udp", "protocol": "UDP"}]}]))
    await at.holds(lambda one, other: _space(other) != "x")
    await at.holds(lambda one, other: True, port=81)
    await at.holds(lambda one, other: True, "udp")


async def _names_out(at: Pods) -> None:
    await at.apply(policy("named-out", egress=[{"ports": [{"port": "serve-80-tcp"}]}], policyTypes=["Egress"]))
    await at.holds(lambda one, other: True)
    await at.holds(lambda one, other: _space(one) != "x", port=81)


async def _protocols(at: Pods) -> None:
    await at.apply(policy("udp", ingress=[{"ports": [{"protocol": "UDP"}]}]))
    await at.holds(lambda one, other: _space(other) != "x")
    await at.holds(lambda one, other: True, "udp")
    await at.clear()
    await at.apply(policy("sctp", ingress=[{"ports": [{"protocol": "SCTP", "port": 80}]}]))
    await at.holds(lambda one, other: _space(other) != "x")


def test_ports_are_numbers_ranges_names_and_protocols() -> None:
    _run(_numbers, _range, _names, _names_out, _protocols)


# --- who may go out ---
async def _out_of_a_pod(at: Pods) -> None:
    await at.apply(policy("out", pods=labelled(pod="a"), policyTypes=["Egress"]))
    await at.holds(lambda one, other: one != "x/a")


async def _out_to_pods(at: Pods) -> None:
    both = {"namespaceSelector": labelled(ns="y"), "podSelector": labelled(pod="a")}
    await at.apply(policy("out", egress=[{"to": [both]}], policyTypes=["Egress"]))
    await at.holds(lambda one, other: _space(one) != "x" or other == "y/a")


async def _out_although_the_other_lets_in(at: Pods) -> None:
    await at.apply(policy("in", "y", ingress=[{"from": [{"namespaceSelector": {}}]}]), policy("out", egress=[], policyTypes=["Egress"]))
    await at.holds(lambda one, other: _space(one) != "x")


async def _in_and_out(at: Pods) -> None:
    await at.apply(policy("both", pods=labelled(pod="a"), policyTypes=["Ingress", "Egress"],
                          ingress=[{"from": [{"podSelector": labelled(pod="b")}]}], egress=[{"to": [{"podSelector": labelled(pod="c")}]}]))
    await at.holds(lambda one, other: (other != "x/a" or one == "x/b") and (one != "x/a" or other == "x/c"))


async def _blocks(at: Pods) -> None:
    one_address = f"{at.addresses['y/b']}/32"
    await at.apply(policy("block", pods=labelled(pod="a"), egress=[{"to": [{"ipBlock": {"cidr": one_address}}]}], policyTypes=["Egress"]))
    await at.holds(lambda one, other: one != "x/a" or other == "y/b")
    await at.clear()
    but = {"ipBlock": {"cidr": "10.244.0.0/16", "except": [one_address]}}
    await at.apply(policy("except", pods=labelled(pod="a"), egress=[{"to": [but]}], policyTypes=["Egress"]))
    await at.holds(lambda one, other: one != "x/a" or other != "y/b")
    # what one policy leaves out another may let through
    await at.apply(policy("again", pods=labelled(pod="a"), egress=[{"to": [{"ipBlock": {"cidr": one_address}}]}], policyTypes=["Egress"]))
    await at.holds(lambda one, other: True)
    await at.apply(policy("in", "z", ingress=[{"from": [{"ipBlock": {"cidr": f"{at.addresses['x/c']}/32"}}]}]))
    await at.holds(lambda one, other: _space(other) != "z" or one == "x/c")


def test_egress_is_let_out_to_pods_and_blocks() -> None:
    _run(_out_of_a_pod, _out_to_pods, _out_although_the_other_lets_in, _in_and_out, _blocks)


# --- what changes ---
async def _updated_policy(at: Pods) -> None:
    await at.apply(policy("p", ingress=[{"from": [{"namespaceSelector": labelled(ns="y")}]}]))
    await at.holds(lambda one, other: _space(other) != "x" or _space(one) == "y")
    changed = {"spec": {"ingress": [{"from": [{"namespaceSelector": labelled(ns="z")}]}]}}
    await at.cluster.client.patch(POLICIES, "x", "p", changed, MERGE_PATCH)
    await at.holds(lambda one, other: _space(other) != "x" or _space(one) == "z")


async def _updated_namespace(at: Pods) -> None:
    await at.apply(policy("p", ingress=[{"from": [{"namespaceSelector": labelled(role="friend")}]}]))
    await at.holds(lambda one, other: _space(other) != "x")
    await at.cluster.client.patch(NAMESPACES, "", "y", {"metadata": {"labels": {"role": "friend"}}}, MERGE_PATCH)
    await at.holds(lambda one, other: _space(other) != "x" or _space(one) == "y")
    await at.cluster.client.patch(NAMESPACES, "", "y", {"metadata": {"labels": {"role": None}}}, MERGE_PATCH)
    await at.holds(lambda one, other: _space(other) != "x")


async def _updated_pod(at: Pods) -> None:
    await at.apply(policy("p", pods=labelled(role="guarded"), ingress=[{"from": [{"podSelector": labelled(role="friend")}]}]))
    await at.holds(lambda one, other: True)
    for name, role in (("a", "guarded"), ("b", "friend")):
        await at.cluster.client.patch(PODS, "x", name, {"metadata": {"labels": {"role": role}}}, MERGE_PATCH)
    await at.holds(lambda one, other: other != "x/a" or one == "x/b")
    for name in "ab":
        await at.cluster.client.patch(PODS, "x", name, {"metadata": {"labels": {"role": None}}}, MERGE_PATCH)
    await at.holds(lambda one, other: True)


def test_rules_follow_policies_namespaces_and_pods_as_they_change() -> None:
    _run(_updated_policy, _updated_namespace, _updated_pod)
