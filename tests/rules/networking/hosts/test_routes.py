"""Which way leads to the pods of other machines, by what their Nodes say."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.rules.networking.hosts import nft
from wherry.rules.networking.hosts.facts import AUTO, CHOICES, HOST_GW, VXLAN, told
from wherry.rules.networking.hosts.reach import reachable
from wherry.rules.networking.hosts.routes import Peer, Route, mac, plan


def node(name: str, address: str, *ranges: str, ways: str = AUTO, inside: str = "") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "annotations": told(address, CHOICES[ways])},
        "spec": {"podCIDRs": list(ranges)},
        "status": {"addresses": [{"type": "InternalIP", "address": inside or address.partition("/")[0]}]},
    }


HERE = node("here", "192.0.2.1/24", "10.244.0.0/24", inside="10.0.0.1")
NEAR = node("near", "192.0.2.2/24", "10.130.7.0/24")
FAR = node("far", "198.51.100.3/24", "10.140.1.0/24")


def test_machines_on_one_link_are_each_others_gateways_and_others_get_a_tunnel() -> None:
    made = plan([HERE, NEAR, FAR], ["here"])
    assert (made.own, made.inward) == ("10.244.0.0", ("10.244.0.0/24", "10.0.0.1/32"))
    assert made.direct == (Route("10.130.7.0/24", "192.0.2.2"),)
    assert made.tunnelled == (Route("10.140.1.0/24", "10.140.1.0"),)
    assert made.peers == (Peer("10.140.1.0", "0a:77:c6:33:64:03", "198.51.100.3"),)
    assert made.unreached == ()


def test_what_is_inside_a_fabric_is_led_there_from_other_machines() -> None:
    assert plan([HERE, NEAR], ["near"]).direct == (Route("10.244.0.0/24", "192.0.2.1"), Route("10.0.0.1/32", "192.0.2.1"))


def test_nodes_of_one_machine_are_one() -> None:
    second = node("here-1", "192.0.2.1/24", "10.244.1.0/24")
    assert plan([HERE, second, NEAR], ["here", "here-1"]).inward == ("10.244.0.0/24", "10.244.1.0/24", "10.0.0.1/32")
    assert len(plan([HERE, second, NEAR], ["near"]).direct) == 3


@pytest.mark.parametrize(("one", "other", "way"), [
    ("auto", "auto", HOST_GW), ("vxlan", "auto", VXLAN), ("auto", "vxlan", VXLAN), ("host-gw", "auto", HOST_GW), ("host-gw", "vxlan", ""),
])  # fmt: skip
def test_both_take_the_way_that_both_have(one: str, other: str, way: str) -> None:
    nodes = [node("a", "192.0.2.1/24", "10.1.0.0/24", ways=one), node("b", "192.0.2.2/24", "10.2.0.0/24", ways=other)]
    for name in ("a", "b"):
        made = plan(nodes, [name])
        assert (bool(made.direct), bool(made.tunnelled), bool(made.unreached)) == (way == HOST_GW, way == VXLAN, not way)


def test_who_is_not_reached_is_told_with_why() -> None:
    lonely = node("lonely", "198.51.100.3/24", "10.1.0.0/24", ways=HOST_GW)
    (said,) = plan([HERE, lonely], ["here"]).unreached
    assert said == "pods of lonely (198.51.100.3): host-gw/vxlan here, host-gw there, and the machines share no link"


def test_a_range_that_is_claimed_twice_has_one_owner() -> None:
    thief = node("thief", "192.0.2.9/24", "10.130.7.0/24", "10.131.0.0/24", "10.244.0.0/16")
    made = plan([HERE, NEAR, thief], ["here"])
    assert made.direct == (Route("10.130.7.0/24", "192.0.2.2"), Route("10.131.0.0/24", "192.0.2.9"))
    assert made.unreached == ("10.130.7.0/24 of thief (192.0.2.9) overlaps what near (192.0.2.2) has",
                              "10.244.0.0/16 of thief (192.0.2.9) overlaps what here (192.0.2.1) has")


@pytest.mark.parametrize("annotations", [{}, told("", ()), told("not an address", (VXLAN,)), told("2001:db8::1/64", (VXLAN,))])
def test_nodes_that_say_nothing_are_of_no_machine(annotations: dict[str, str]) -> None:
    silent: dict[str, Any] = {"metadata": {"name": "silent", "annotations": annotations}, "spec": {"podCIDR": "10.9.0.0/24"}}
    assert plan([HERE, silent], ["here"]) == plan([HERE], ["here"])
    assert plan([HERE, silent], ["silent"]).own == ""


def test_a_node_without_a_range_of_pods_is_not_there_yet() -> None:
    assert plan([HERE, node("new", "192.0.2.5/24")], ["here"]).direct == ()
    assert plan([HERE, node("new", "192.0.2.5/24")], ["new"]).inward == ()


def test_only_endpoints_that_are_reached_are_led_to() -> None:
    def one(address: str, **more: Any) -> dict[str, Any]:
        return {"addresses": [address], **more}

    custom, own, far = one("192.0.2.99"), one("10.244.0.2", nodeName="here"), one("10.9.0.2", nodeName="far")
    whole: dict[str, Any] = {"endpoints": [own, custom]}
    mixed: dict[str, Any] = {"addressType": "IPv4", "endpoints": [far, custom, own]}
    (kept, part) = reachable([whole, mixed], lambda address: address.startswith("10.244."))
    assert kept is whole
    assert part == {"addressType": "IPv4", "endpoints": [custom, own]}
    assert reachable([{"endpoints": None}], bool) == [{"endpoints": None}]


def test_only_what_is_no_pods_leaves_under_the_fabrics_address() -> None:
    text = nft.table("10.244.0.0", ("10.244.0.0/24",), ("a", "b"), "169.254.1.1", "10.244.0.1")
    assert "oifname { a, b } ip saddr 10.244.0.1 snat to 10.244.0.0;" in text, "which every machine has"
    assert "oifname { a, b } ip saddr != { 10.244.0.0/24 } snat to 10.244.0.0;" in text
    assert "snat" not in nft.table("", (), ("a",), "169.254.1.1", "10.244.0.1")


RANGES = st.lists(st.sampled_from(["10.2.0.0/15", *(f"10.{n}.0.0/{size}" for n in (1, 2, 3) for size in (16, 24))]), max_size=2)


MACHINES = st.tuples(st.integers(1, 6), st.sampled_from(["192.0.2.{}/24", "198.51.100.{}/24"]), RANGES, st.sampled_from(sorted(CHOICES)))


@given(st.lists(MACHINES, min_size=1, max_size=5))
def test_both_sides_decide_the_same_and_nothing_overlaps(machines: list[tuple[int, str, list[str], str]]) -> None:
    nodes = [node(f"n{at}", form.format(number), *ranges, ways=ways) for at, (number, form, ranges, ways) in enumerate(machines)]
    plans = {each["metadata"]["name"]: plan(nodes, [each["metadata"]["name"]]) for each in nodes}
    for made in plans.values():
        led = [IPv4Network(each.network) for each in (*made.direct, *made.tunnelled)]
        assert not any(a.overlaps(b) for at, a in enumerate(led) for b in led[at + 1:])
        assert {each.via for each in made.tunnelled} <= {each.own for each in made.peers}
        for peer in made.peers:
            back = [other for other in plans.values() if other.own == peer.own]
            assert any(made.own in [each.own for each in other.peers] for other in back)
    assert mac(IPv4Address("10.0.0.255")) == "0a:77:0a:00:00:ff"
