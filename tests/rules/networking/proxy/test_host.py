"""What this machine listens at for Services: node ports, load balancers, where they lead in and whom they serve."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.rules.networking.proxy import host
from wherry.rules.networking.proxy.host import Listener
from wherry.rules.networking.proxy.routes import Node

A, B = (Node(f"n{at}", "", (f"10.0.0.{at}",), (f"10.244.{at}.0/24",)) for at in (1, 2))
SLICE = {"ports": [{"name": "web", "port": 8080}], "endpoints": [{"addresses": ["10.244.2.5"], "nodeName": "n2"}]}


def service(*, status: Any = None, **spec: Any) -> Any:
    web = {"name": "web", "port": 80, "protocol": "TCP", "nodePort": 30080}
    ports = [web, {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053}]
    return {"metadata": {"name": "s", "namespace": "d"}, "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": ports, **spec},
            "status": status or {}}  # fmt: skip


def test_node_ports_are_served_at_each_address_and_lead_in_at_a_node() -> None:
    assert host.node_ports(service(), ["127.0.0.1", "192.0.2.1"], [SLICE], [A, B]) == [
        Listener("127.0.0.1", 30080, "TCP", ("10.0.0.1", 30080)), Listener("192.0.2.1", 30080, "TCP", ("10.0.0.1", 30080)),
        Listener("127.0.0.1", 30053, "UDP", ("10.0.0.1", 30053)), Listener("192.0.2.1", 30053, "UDP", ("10.0.0.1", 30053)),
    ]  # fmt: skip


def test_traffic_that_stays_on_its_node_leads_in_where_the_pods_are() -> None:
    found = host.node_ports(service(externalTrafficPolicy="Local"), ["127.0.0.1"], [SLICE], [A, B])
    assert [each.inside for each in found] == [("10.0.0.2", 30080), ("10.0.0.1", 30053)]  # of the other port there are none


def test_a_load_balancer_serves_its_ports_for_its_sources() -> None:
    one, _ = host.balanced(service(loadBalancerSourceRanges=["127.0.0.0/8"]), "127.1.0.1", [SLICE], [A])
    assert one == Listener("127.1.0.1", 80, "TCP", ("10.0.0.1", 30080), ("127.0.0.0/8",))
    assert (host.admits(one, "127.0.0.1"), host.admits(one, "192.0.2.1")) == (True, False)
    without = service()
    del without["spec"]["ports"][0]["nodePort"]
    assert host.balanced(without, "127.1.0.1", [SLICE], [A])[0].inside == ("10.96.0.9", 80)


@pytest.mark.parametrize(("spec", "ours"), [({}, True), ({"loadBalancerClass": host.CLASS}, True), ({"loadBalancerClass": "x.y/z"}, False),
                                             ({"type": "NodePort"}, False)])  # fmt: skip
def test_other_classes_are_left_to_others(spec: Any, ours: bool) -> None:
    assert host.is_balanced(service(**spec)) is ours


def test_an_address_stays_and_else_is_what_is_asked_for_or_free() -> None:
    kept = service(status={"loadBalancer": {"ingress": [{"ip": "127.1.0.7"}]}})
    assert host.choose(kept, []) == "127.1.0.7"
    assert host.choose(kept, ["127.1.0.7"]) == "127.1.0.1"
    assert host.choose(service(loadBalancerIP="127.1.9.9"), []) == "127.1.9.9"
    assert host.choose(service(loadBalancerIP="192.0.2.9"), ["127.1.0.1"]) == "127.1.0.2"
    assert host.assigned(service(status={"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}, {"hostname": "x"}]}})) == ""


def test_what_is_not_passed_on_is_said() -> None:
    one = service()
    one["spec"]["ports"][0]["protocol"] = "SCTP"
    assert host.not_served(one) == "SCTP port 30080: this machine passes on TCP and UDP only"
    assert [each.protocol for each in host.node_ports(one, ["127.0.0.1"], [], [A])] == ["UDP"]
    one["spec"]["type"] = "ClusterIP"
    assert host.not_served(one) == ""
    assert host.not_served(service()) == ""
