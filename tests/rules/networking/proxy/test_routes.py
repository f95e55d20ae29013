"""What Services lead to, case by case, and what the table says of it."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.rules.networking.proxy import nft
from wherry.rules.networking.proxy.routes import Backend, Front, Route, routes, targets

READY, NOT = {"ready": True}, {"ready": False, "serving": False}
LEAVING = {"ready": False, "serving": True, "terminating": True}
FRONT = Front("10.96.0.9", "tcp", 80)


def service(**spec: Any) -> Any:
    port = {"name": "web", "port": 80, "protocol": "TCP"}
    return {"metadata": {"name": "s", "namespace": "d"}, "spec": {"clusterIP": "10.96.0.9", "ports": [port], **spec}}


def endpoints(*conditions: Any, owner: str = "s", kind: str = "IPv4", port: str = "web") -> Any:
    return {
        "metadata": {"name": "s-1", "namespace": "d", "labels": {"kubernetes.io/service-name": owner}},
        "addressType": kind,
        "ports": [{"name": port, "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": [f"10.244.0.{at}"], "conditions": each} for at, each in enumerate(conditions, 2)],
    }


@pytest.mark.parametrize(
    ("conditions", "last_bytes"),
    [((READY, READY), (2, 3)), ((READY, LEAVING), (2,)), ((NOT, LEAVING), (3,)), ((NOT,), ()), ((), ()), (({},), (2,))],
)
def test_ready_endpoints_get_the_traffic_else_those_that_still_serve(conditions: Any, last_bytes: Any) -> None:
    wanted = tuple(Backend(f"10.244.0.{each}", 8080) for each in last_bytes)
    assert routes([service()], [endpoints(*conditions)]) == {FRONT: Route(wanted)}


@pytest.mark.parametrize("other", [{"owner": "t"}, {"kind": "IPv6"}, {"port": "admin"}])
def test_what_is_of_another_service_family_or_port_does_not_count(other: Any) -> None:
    assert routes([service()], [endpoints(READY, **other)]) == {FRONT: Route(())}


@pytest.mark.parametrize("spec", [{"clusterIP": "None"}, {"clusterIP": ""}, {"type": "ExternalName"}])
def test_services_without_an_address_lead_nowhere(spec: Any) -> None:
    assert routes([service(**spec)], [endpoints(READY)]) == {}


def test_external_and_balanced_addresses_lead_there_too() -> None:
    one = service(externalIPs=["192.0.2.1"])
    one["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}, {"ip": "192.0.2.3", "ipMode": "Proxy"}]}}
    assert [front.address for front in routes([one], [])] == ["10.96.0.9", "192.0.2.1", "192.0.2.2"]


def test_the_table_leads_live_addresses_on_and_refuses_the_others() -> None:
    live = nft.table(routes([service(sessionAffinity="ClientIP")], [endpoints(READY)]))
    assert "10.96.0.9 . tcp . 80 : goto s0" in live
    assert "jhash ip saddr mod 1 map { 0 : 10.244.0.2 . 8080 }" in live
    dead = nft.table(routes([service()], []))
    assert "set refused { type ipv4_addr . inet_proto . inet_service; elements = { 10.96.0.9 . tcp . 80 };" in dead
    assert "goto" not in dead


@pytest.mark.parametrize(
    ("going", "more", "last_bytes"),
    [
        ({"u2"}, {}, (3,)),
        ({"u2", "u3"}, {}, (2, 3)),  # there is no other
        ({"u2"}, {"publishNotReadyAddresses": True}, (2, 3)),
        ({"another"}, {}, (2, 3)),
    ],
)
def test_a_pod_that_is_about_to_end_gets_no_new_connection(going: Any, more: Any, last_bytes: Any) -> None:
    one = endpoints(READY, READY)
    for at, each in enumerate(one["endpoints"], 2):
        each["targetRef"] = {"kind": "Pod", "uid": f"u{at}"}
    wanted = tuple(Backend(f"10.244.0.{each}", 8080) for each in last_bytes)
    assert routes([service(**more)], [one], going) == {FRONT: Route(wanted)}
    assert targets([one]) == {"u2", "u3"}
