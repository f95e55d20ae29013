"""What Services lead to, case by case: endpoints that are ready or going, policies, hints, node ports."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.rules.networking.proxy.endpoints import Backend
from wherry.rules.networking.proxy.routes import Choice, Front, Node, Route, World, node_of, routes, targets

READY, NOT = {"ready": True}, {"ready": False, "serving": False}
LEAVING = {"ready": False, "serving": True, "terminating": True}
FRONT = Front("10.96.0.9", "tcp", 80)
NAME = "d/s/web/tcp/80"
A, B = (Node(f"n{at}", f"z{at}", (f"10.0.0.{at}",), (f"10.244.{at}.0/24",)) for at in (1, 2))


def service(**spec: Any) -> Any:
    port = {"name": "web", "port": 80, "protocol": "TCP", **spec.pop("port", {})}
    return {"metadata": {"name": "s", "namespace": "d"}, "spec": {"clusterIP": "10.96.0.9", "ports": [port], **spec}}


def endpoints(*conditions: Any, kind: str = "IPv4", port: str = "web", nodes: tuple[str, ...] = (), **more: Any) -> Any:
    return {
        "metadata": {"name": "s-1", "namespace": "d", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": kind,
        "ports": [{"name": port, "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": [f"10.244.0.{at}"], "conditions": each, "targetRef": {"kind": "Pod", "uid": f"u{at}"},
             **({"nodeName": nodes[at - 2]} if nodes else {}), **{k: v[at - 2] for k, v in more.items()}}
            for at, each in enumerate(conditions, 2)
        ],
    }  # fmt: skip


def backends(*last_bytes: int) -> tuple[Backend, ...]:
    return tuple(Backend(f"10.244.0.{each}", 8080) for each in last_bytes)


@pytest.mark.parametrize(
    ("conditions", "last_bytes"), [((READY, READY), (2, 3)), ((READY, LEAVING), (2,)), ((NOT, LEAVING), (3,)), (({},), (2,))]
)
def test_ready_endpoints_get_the_traffic_else_those_that_still_serve(conditions: Any, last_bytes: Any) -> None:
    assert routes(service(), [endpoints(*conditions)]) == {FRONT: Route(NAME, (Choice((), backends(*last_bytes)),))}


@pytest.mark.parametrize("slices", [[], [endpoints()], [endpoints(NOT)], [endpoints(READY, kind="IPv6")], [endpoints(READY, port="admin")]])
def test_without_endpoints_the_address_refuses(slices: Any) -> None:
    assert routes(service(), slices) == {FRONT: Route(NAME, ())}


@pytest.mark.parametrize("spec", [{"clusterIP": "None"}, {"clusterIP": ""}, {"type": "ExternalName"}])
def test_services_without_an_address_lead_nowhere(spec: Any) -> None:
    assert routes(service(**spec), [endpoints(READY)]) == {}


def test_external_and_balanced_addresses_lead_there_too() -> None:
    one = service(externalIPs=["192.0.2.1"])
    one["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}, {"ip": "192.0.2.3", "ipMode": "Proxy"}]}}
    assert [front.address for front in routes(one, [])] == ["10.96.0.9", "192.0.2.1", "192.0.2.2"]


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
    assert routes(service(**more), [one], leaving=going)[FRONT].backends == backends(*last_bytes)
    assert targets([one]) == {"u2", "u3"}


def test_an_endpoint_in_two_slices_counts_by_its_better_news() -> None:
    assert routes(service(), [endpoints(LEAVING, READY), endpoints(READY)])[FRONT].backends == backends(2, 3)


@pytest.mark.parametrize(("spec", "seconds"), [({}, 0), ({"sessionAffinity": "ClientIP"}, 10800), (
    {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}}}, 5)])  # fmt: skip
def test_clients_come_back_to_the_same_backend_for_the_services_timeout(spec: Any, seconds: int) -> None:
    assert routes(service(**spec), [endpoints(READY)])[FRONT].sticky == seconds


def test_with_internal_policy_local_pods_reach_those_of_their_node_or_nobody() -> None:
    found = routes(service(internalTrafficPolicy="Local"), [endpoints(READY, READY, nodes=("n1", "n1"))], World((A, B)))
    # of node 2 nothing; who is on no node (the API server) reaches all
    assert found[FRONT].choices == (Choice(B.sources, ()), Choice((), backends(2, 3)))


def test_hints_lead_to_the_same_node_or_zone_when_all_have_them() -> None:
    hints = [{"forZones": [{"name": "z1"}]}, {"forZones": [{"name": "z2"}]}]
    by_zone = routes(service(), [endpoints(READY, READY, hints=hints)], World((A, B)))[FRONT]
    assert by_zone.choices == (Choice(A.sources, backends(2)), Choice(B.sources, backends(3)), Choice((), backends(2, 3)))
    hints = [{"forZones": [{"name": "z1"}]}, {}]
    assert routes(service(), [endpoints(READY, READY, hints=hints)], World((A, B)))[FRONT].choices == (Choice((), backends(2, 3)),)
    hints = [{"forNodes": [{"name": "n2"}], "forZones": [{"name": "z1"}]}, {"forNodes": [{"name": "n3"}], "forZones": [{"name": "z1"}]}]
    by_node = routes(service(), [endpoints(READY, READY, hints=hints)], World((A, B)))[FRONT]
    assert by_node.choices == (Choice(B.sources, backends(2)), Choice((), backends(2, 3)))


def test_a_node_port_is_reached_on_every_node() -> None:
    found = routes(service(type="NodePort", port={"nodePort": 30080}), [endpoints(READY)], World((A, B)))
    assert list(found) == [FRONT, Front("10.0.0.1", "tcp", 30080), Front("10.0.0.2", "tcp", 30080)]
    assert len(set(found.values())) == 1


def test_with_external_policy_local_each_node_leads_to_its_own_pods_and_the_cluster_to_all() -> None:
    one = service(type="NodePort", externalTrafficPolicy="Local", externalIPs=["192.0.2.1"], port={"nodePort": 30080})
    found = routes(one, [endpoints(READY, READY, nodes=("n1", "n1"))], World((A, B)))
    inside = Choice((*A.sources, *B.sources), backends(2, 3))
    assert found[Front("10.0.0.1", "tcp", 30080)].choices == (inside, Choice((), backends(2, 3)))
    assert found[Front("10.0.0.2", "tcp", 30080)].choices == (inside, Choice((), ()))
    assert found[Front("192.0.2.1", "tcp", 80)].choices == (inside, Choice((), backends(2, 3)))
    assert found[FRONT].choices == (Choice((), backends(2, 3)),)


def test_what_enters_here_is_outside_also_with_an_address_of_a_nodes_range() -> None:
    world = World((A, B), "10.244.1.1")
    one = service(type="NodePort", internalTrafficPolicy="Local", externalTrafficPolicy="Local", port={"nodePort": 30080})
    found = routes(one, [endpoints(READY, nodes=("n1",))], world)
    assert found[FRONT].choices[0] == Choice(("10.244.1.1",), backends(2))
    assert found[Front("10.0.0.2", "tcp", 30080)].choices[0] == Choice(("10.244.1.1",), ())


def test_what_the_proxy_knows_of_a_node() -> None:
    assert node_of({
        "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z1"}},
        "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00::/64"]},
        "status": {"addresses": [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "10.0.0.1"}]},
    }) == A  # fmt: skip
