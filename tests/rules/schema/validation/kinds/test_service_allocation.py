"""Addresses and ports of Services: what a write takes and gives back, and that nothing is ever taken twice."""

from __future__ import annotations

import copy
import random
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.api.objects import Obj
from wherry.rules.networking.services.allocation import Allocation, Pools, allocate, held
from wherry.rules.networking.services.preparation import drop_type_dependent
from wherry.rules.schema.defaults.service import default_service


def service(type_: str = "ClusterIP", *ports: Obj, **spec: Any) -> Obj:
    body = {"type": type_, "selector": {"app": "a"}, "ports": [dict(p) for p in ports or ({"port": 80},)], **spec}
    draft = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": body}
    default_service(draft)
    return draft


def take(draft: Obj, old: Obj | None = None, **pools: Any) -> Allocation:
    return allocate(draft, old, Pools(**{"ips": frozenset(), "ports": frozenset(), **pools}), random.Random(7))


def change(old: Obj, **spec: Any) -> tuple[Obj, Allocation]:
    draft = copy.deepcopy(old)
    draft["spec"] |= spec
    default_service(draft)
    allocation = take(draft, old)
    drop_type_dependent(draft, old)
    return draft, allocation


def test_a_new_service_takes_an_address_outside_the_lower_band() -> None:
    for seed in range(50):
        draft = service()
        allocation = allocate(draft, None, Pools(frozenset(), frozenset()), random.Random(seed))
        last = draft["spec"]["clusterIP"].split(".")[2:]
        assert int(last[0]) * 256 + int(last[1]) > 256
        assert allocation.taken_ips == {draft["spec"]["clusterIP"]}
        assert draft["spec"]["clusterIPs"] == [draft["spec"]["clusterIP"]]


def test_the_lower_band_is_used_when_the_rest_is_full() -> None:
    cidr = IPv4Network("10.96.0.0/27")
    used = frozenset(f"10.96.0.{i}" for i in range(17, 31))
    draft = service()
    assert not take(draft, ips=used, cidr=cidr).internal
    assert int(draft["spec"]["clusterIP"].rsplit(".", 1)[1]) < 17
    full = frozenset(f"10.96.0.{i}" for i in range(32))
    refused = take(service(), ips=full, cidr=cidr)
    assert refused.internal == 'failed to allocate a serviceIP for Service "s": range is full'


@pytest.mark.parametrize(
    ("ip", "why"),
    [
        ("10.96.0.10", "provided IP is already allocated"),
        ("10.97.0.1", "the provided network does not match the current range"),
        ("10.96.0.0", "the provided IP (10.96.0.0) is not in the valid range. The range of valid IPs is 10.96.0.0/16"),
    ],
)
def test_an_address_asked_for_must_be_free_and_in_range(ip: str, why: str) -> None:
    errors = take(service(clusterIP=ip), ips=frozenset({"10.96.0.10"})).errors
    assert [(e.field, e.message) for e in errors] == [
        ("spec.clusterIPs", f'Invalid value: ["{ip}"]: failed to allocate IP {ip}: {why}')
    ]


def test_the_first_address_can_be_asked_for() -> None:
    assert take(service(clusterIP="10.96.0.1")).taken_ips == {"10.96.0.1"}


def test_a_headless_service_takes_no_address() -> None:
    draft = service(clusterIP="None")
    assert take(draft) == Allocation()
    assert draft["spec"]["clusterIPs"] == ["None"]
    assert held(draft) == (frozenset(), frozenset())


def test_a_headless_service_without_selector_is_of_both_families() -> None:
    draft = service(clusterIP="None", selector=None)
    assert take(draft).errors == []
    assert (draft["spec"]["ipFamilyPolicy"], draft["spec"]["ipFamilies"]) == ("RequireDualStack", ["IPv4", "IPv6"])


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"ipFamilyPolicy": "RequireDualStack"}, "spec.ipFamilyPolicy", "this cluster is not configured for dual-stack services"),
        ({"ipFamilies": ["IPv6"]}, "spec.ipFamilies[0]", "not configured on this cluster"),
        ({"clusterIP": "fd00::1"}, "spec.clusterIPs[0]", "IPv6 is not configured on this cluster"),
        (
            {"ipFamilies": ["IPv4", "IPv6"]},
            "spec.ipFamilyPolicy",
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
        ),
    ],
)
def test_a_single_stack_cluster_refuses_the_other_family(spec: Obj, field: str, message: str) -> None:
    errors = take(service(**spec)).errors
    assert errors[0].field == field
    assert errors[0].message.endswith(message)


def test_preferring_dual_stack_is_content_with_one() -> None:
    draft = service(ipFamilyPolicy="PreferDualStack")
    assert take(draft).errors == []
    assert draft["spec"]["ipFamilies"] == ["IPv4"]


def test_ports_of_one_number_share_a_node_port() -> None:
    draft = service("NodePort", {"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}, {"name": "w", "port": 80})
    allocation = take(draft)
    first, second, third = (p["nodePort"] for p in draft["spec"]["ports"])
    assert first == second != third
    assert allocation.taken_ports == {first, third}
    assert min(allocation.taken_ports) >= 30086


def test_a_node_port_asked_for_must_be_free_and_in_range() -> None:
    taken = take(service("NodePort", {"port": 80, "nodePort": 30001}), ports=frozenset({30001})).errors
    assert [(e.field, e.message) for e in taken] == [
        ("spec.ports[0].nodePort", "Invalid value: 30001: provided port is already allocated")
    ]
    outside = take(service("NodePort", {"port": 80, "nodePort": 80})).errors[0]
    assert outside.message.endswith("provided port is not in the valid range. The range of valid ports is 30000-32767")


def test_a_load_balancer_may_do_without_node_ports() -> None:
    draft = service("LoadBalancer", allocateLoadBalancerNodePorts=False)
    assert take(draft).taken_ports == frozenset()


def test_local_traffic_of_a_load_balancer_takes_a_health_check_port() -> None:
    draft = service("LoadBalancer", externalTrafficPolicy="Local")
    allocation = take(draft)
    assert draft["spec"]["healthCheckNodePort"] in allocation.taken_ports
    assert held(draft)[1] == allocation.taken_ports
    after, back = change(draft, externalTrafficPolicy="Cluster")
    assert back.released_ports == {draft["spec"]["healthCheckNodePort"]}
    assert "healthCheckNodePort" not in after["spec"]


def test_becoming_external_gives_everything_back() -> None:
    old = service("NodePort")
    allocation = take(old)
    after, back = change(old, type="ExternalName", externalName="example.com")
    assert (back.released_ips, back.released_ports) == (allocation.taken_ips, allocation.taken_ports)
    left = {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "externalTrafficPolicy"} & after["spec"].keys()
    assert left == set()
    assert "nodePort" not in after["spec"]["ports"][0]
    again, taken = change(after, type="ClusterIP")
    assert taken.taken_ips == {again["spec"]["clusterIP"]}


def test_a_manifest_without_allocated_values_can_be_sent_again() -> None:
    old = service("NodePort")
    take(old)
    draft = service("NodePort")
    assert take(draft, old) == Allocation()
    assert draft["spec"] == old["spec"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName", ""])), max_size=25))
def test_nothing_is_held_by_two_services_and_nothing_is_lost(steps: list[tuple[int, str]]) -> None:
    services: dict[int, Obj] = {}
    ips: set[str] = set()
    ports: set[int] = set()
    rng = random.Random(3)
    small = {"cidr": IPv4Network("10.96.0.0/28"), "port_range": range(30000, 30020)}
    for slot, type_ in steps:
        old = services.get(slot)
        if not type_:
            gone = held(services.pop(slot)) if old else (frozenset(), frozenset())
            ips, ports = ips - gone[0], ports - gone[1]
        else:
            draft = copy.deepcopy(old) if old else service(type_)
            draft["spec"] |= {"type": type_, "externalName": "example.com", "externalTrafficPolicy": None}
            default_service(draft)
            done = allocate(draft, old, Pools(ips, ports, **small), rng)  # type: ignore[arg-type]
            assert done.errors == []
            assert not done.internal
            assert not done.taken_ips & ips
            assert not done.taken_ports & ports
            if old:
                drop_type_dependent(draft, old)
            ips, ports = (ips | done.taken_ips) - done.released_ips, (ports | done.taken_ports) - done.released_ports
            services[slot] = draft
        holdings = [held(s) for s in services.values()]
        assert sum(len(h[0]) for h in holdings) == len(ips) == len({i for h in holdings for i in h[0]})
        assert sum(len(h[1]) for h in holdings) == len(ports) == len({p for h in holdings for p in h[1]})
