"""Endpoints of a Service: which addresses, in which subsets, with which labels."""

from __future__ import annotations

from typing import Any

from tests.rules.networking.endpoints.samples import pod, port, service
from wherry.api.objects import Obj
from wherry.rules.networking.endpoints import endpoints
from wherry.rules.objects.plan import Create, Update


def written(svc: Obj, pods: list[Obj], current: Obj | None = None, trigger: str = "") -> Obj | None:
    """The Endpoints that the plan writes; None when it writes nothing."""
    actions = endpoints.plan(svc, pods, current, trigger).actions
    if not actions:
        return None
    (action,) = actions
    assert isinstance(action, Create if current is None else Update)
    return action.obj


def shape(subsets: list[Obj]) -> list[tuple[list[str], list[str], list[Any]]]:
    """(ready addresses, others, ports) of each subset."""
    def column(subset: Obj, part: str, field: str) -> list[Any]:
        return [each[field] for each in subset.get(part, [])]

    return [(column(s, "addresses", "ip"), column(s, "notReadyAddresses", "ip"), column(s, "ports", "port")) for s in subsets]


def test_ready_and_unready_pods_stand_apart_in_one_subset() -> None:
    found = endpoints.subsets(service(), [pod(2), pod(1, ready=False), pod(0)])
    assert shape(found) == [(["10.1.0.1", "10.1.0.3"], ["10.1.0.2"], [80])]


def test_an_address_names_its_pod_and_node() -> None:
    (subset,) = endpoints.subsets(service(), [pod(1)])
    assert subset == {
        "addresses": [{"ip": "10.1.0.2", "nodeName": "n1",
                       "targetRef": {"kind": "Pod", "namespace": "ns", "name": "web-1", "uid": "uid-0001"}}],
        "ports": [{"port": 80, "protocol": "TCP"}],
    }


def test_pods_without_address_ended_or_ending_are_left_out() -> None:
    pods = [pod(1, ips=[]), pod(2, phase="Succeeded"), pod(3, phase="Failed"), pod(4, terminating=True)]
    assert endpoints.subsets(service(), pods) == []


def test_publishing_what_is_not_ready_makes_every_address_ready() -> None:
    pods = [pod(1, ready=False), pod(2, terminating=True), pod(3, phase="Failed")]
    found = endpoints.subsets(service(publishNotReadyAddresses=True), pods)
    assert shape(found) == [(["10.1.0.2", "10.1.0.3"], [], [80])]


def test_named_ports_are_looked_up_in_each_pod() -> None:
    svc = service(ports=[port(80, "http")])
    old = pod(1, container_ports=[{"name": "http", "containerPort": 8080}])
    new = pod(2, container_ports=[{"name": "http", "containerPort": 9090, "protocol": "TCP"}])
    udp = pod(3, container_ports=[{"name": "http", "containerPort": 53, "protocol": "UDP"}])
    sidecar = pod(4, initContainers=[{"name": "s", "restartPolicy": "Always", "ports": [{"name": "http", "containerPort": 8080}]}])
    found = endpoints.subsets(svc, [old, new, udp, sidecar])
    assert sorted(shape(found)) == [(["10.1.0.2", "10.1.0.5"], [], [8080]), (["10.1.0.3"], [], [9090])]


def test_a_pod_that_lacks_one_of_the_ports_stands_in_a_subset_of_its_own() -> None:
    svc = service(ports=[port(80, 8080, "http"), port(443, "tls", "https")])
    both = pod(1, container_ports=[{"name": "tls", "containerPort": 8443}])
    found = endpoints.subsets(svc, [both, pod(2)])
    assert sorted(shape(found)) == [(["10.1.0.2"], [], [8443]), (["10.1.0.2", "10.1.0.3"], [], [8080])]


def test_a_headless_service_without_ports_lists_bare_addresses() -> None:
    found = endpoints.subsets(service(clusterIP="None", ports=[]), [pod(1), pod(2, ready=False)])
    assert shape(found) == [(["10.1.0.2"], ["10.1.0.3"], [])]
    assert "ports" not in found[0]


def test_a_service_with_a_cluster_ip_but_no_ports_has_none() -> None:
    assert endpoints.subsets(service(ports=[]), [pod(1)]) == []


def test_addresses_are_those_of_the_first_family() -> None:
    both = pod(1, ips=["10.1.0.2", "FD00:0::1"])
    assert shape(endpoints.subsets(service(ipFamilies=["IPv6", "IPv4"]), [both, pod(2)])) == [(["fd00::1"], [], [80])]


def test_a_pod_under_the_services_name_brings_its_hostname() -> None:
    (subset,) = endpoints.subsets(service(), [pod(1, hostname="first", subdomain="web"), pod(2, hostname="x", subdomain="other")])
    assert [a.get("hostname") for a in subset["addresses"]] == ["first", None]


def test_new_endpoints_carry_the_services_labels_and_their_manager() -> None:
    found = written(service(labels={"team": "a"}), [pod(1)], trigger="2025-06-01T00:00:00Z")
    assert found is not None
    assert found["metadata"] == {
        "name": "web", "namespace": "ns",
        "labels": {"team": "a", "endpoints.kubernetes.io/managed-by": "endpoint-controller"},
        "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "2025-06-01T00:00:00Z"},
    }


def test_a_headless_service_is_marked() -> None:
    found = written(service(clusterIP="None"), [pod(1)])
    assert found is not None
    assert found["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


def test_what_is_right_already_is_not_written_again() -> None:
    current = written(service(), [pod(1), pod(2)])
    assert written(service(), [pod(2), pod(1)], current) is None


def test_changed_labels_are_written_and_the_old_trigger_time_goes() -> None:
    current = written(service(), [pod(1)], trigger="2025-06-01T00:00:00Z")
    assert current is not None
    found = written(service(labels={"team": "b"}), [pod(1)], {**current, "metadata": {**current["metadata"], "resourceVersion": "7"}})
    assert found is not None
    assert found["metadata"]["labels"]["team"] == "b"
    assert "annotations" not in found["metadata"]
    assert found["metadata"]["resourceVersion"] == "7"


def test_no_pods_leave_endpoints_without_subsets() -> None:
    found = written(service(), [], written(service(), [pod(1)]))
    assert found is not None
    assert "subsets" not in found


def test_beyond_a_thousand_addresses_unready_ones_are_cut() -> None:
    pods = [pod(n) for n in range(900)] + [pod(n, ready=False) for n in range(900, 1200)]
    found = written(service(), pods)
    assert found is not None
    (subset,) = found["subsets"]
    assert (len(subset["addresses"]), len(subset["notReadyAddresses"])) == (900, 100)
    assert found["metadata"]["annotations"] == {"endpoints.kubernetes.io/over-capacity": "truncated"}
    assert written(service(), pods, found) is None


def test_beyond_a_thousand_ready_addresses_each_subset_keeps_its_share() -> None:
    svc = service(ports=[port(80, "http")])
    pods = [pod(n, container_ports=[{"name": "http", "containerPort": 80 + n % 3 // 2}]) for n in range(1500)] + [pod(1500, ready=False)]
    found = written(svc, pods)
    assert found is not None
    counts = sorted((s["ports"][0]["port"], len(s["addresses"]), "notReadyAddresses" in s) for s in found["subsets"])
    assert [(p, cut) for p, _, cut in counts] == [(80, False), (81, False)]
    assert sum(n for _, n, _ in counts) == 1000
    assert abs(counts[0][1] - 667) <= 1
