"""EndpointSlices of a Service: endpoints, ports, labels, and how few slices change."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.rules.networking.endpoints.samples import node, pod, port, service
from wherry.api.objects import Obj
from wherry.rules.networking.endpoints import slices as endpointslices
from wherry.rules.networking.endpoints.slices import Outcome
from wherry.rules.objects.plan import Create, Delete, Update

NODES = {"n1": node("n1", "z1"), "n2": node("n2", "z2"), "n3": node("n3")}


def outcome(svc: Obj, pods: list[Obj], slices: list[Obj] | None = None, trigger: str = "") -> Outcome:
    return endpointslices.plan(svc, pods, NODES.get, slices or [], trigger)


class Slices:
    """The slices of a Service as the plans make them."""

    def __init__(self, svc: Obj) -> None:
        self.service = svc
        self.all: dict[str, Obj] = {}
        self.made = 0

    def sync(self, pods: list[Obj]) -> Counter[str]:
        """Carry out a plan; how many were created, updated, deleted."""
        done: Counter[str] = Counter()
        for action in outcome(self.service, pods, list(self.all.values())).plan.actions:
            done[type(action).__name__] += 1
            match action:
                case Create(obj):
                    self.made += 1
                    name = f"{obj['metadata']['generateName']}{self.made}"
                    self.all[name] = {**obj, "metadata": {**obj["metadata"], "name": name}}
                case Update(obj):
                    assert obj["metadata"]["name"] in self.all
                    self.all[obj["metadata"]["name"]] = obj
                case Delete(target):
                    del self.all[target["metadata"]["name"]]
        return done

    def sizes(self) -> list[int]:
        return sorted(len(each["endpoints"] or ()) for each in self.all.values())


def only(found: Outcome) -> Obj:
    (action,) = found.plan.actions
    assert isinstance(action, Create | Update)
    return action.obj


def test_a_ready_pod_becomes_an_endpoint_with_node_and_zone() -> None:
    assert only(outcome(service(labels={"team": "a"}), [pod(1)], trigger="2025-06-01T00:00:00Z")) == {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "generateName": "web-",
            "namespace": "ns",
            "labels": {"team": "a", "kubernetes.io/service-name": "web",
                       "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "uid-web", "controller": True,
                                 "blockOwnerDeletion": True}],
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "2025-06-01T00:00:00Z"},
        },
        "addressType": "IPv4",
        "endpoints": [{
            "addresses": ["10.1.0.2"],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "targetRef": {"kind": "Pod", "namespace": "ns", "name": "web-1", "uid": "uid-0001"},
            "nodeName": "n1",
            "zone": "z1",
        }],
        "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
    }


def test_conditions_tell_serving_from_ready() -> None:
    pods = [pod(1), pod(2, ready=False), pod(3, terminating=True), pod(4, ready=False, terminating=True)]
    found = [tuple(e["conditions"].values()) for e in only(outcome(service(), pods))["endpoints"]]
    assert found == [(True, True, False), (False, False, False), (False, True, True), (False, False, True)]


def test_publishing_what_is_not_ready_makes_all_ready_and_keeps_pods_of_unknown_nodes() -> None:
    pods = [pod(1, ready=False), pod(2, terminating=True, ready=False), pod(3, node="lost")]
    found = only(outcome(service(publishNotReadyAddresses=True), pods))["endpoints"]
    assert [e["conditions"]["ready"] for e in found] == [True, True, True]
    assert "zone" not in found[2]


def test_a_pod_on_an_unknown_node_is_left_out_and_named() -> None:
    found = outcome(service(), [pod(1), pod(2, node="lost")])
    assert [e["targetRef"]["name"] for e in only(found)["endpoints"]] == ["web-1"]
    assert found.errors == ("skipping Pod web-2 for Service ns/web: Node lost Not Found",)


def test_a_service_without_pods_has_one_empty_slice() -> None:
    slices = Slices(service())
    assert slices.sync([]) == {"Create": 1}
    (empty,) = slices.all.values()
    assert (empty["endpoints"], empty["ports"]) == (None, None)
    assert slices.sync([]) == {}
    assert slices.sync([pod(1)]) == {"Update": 1}
    assert slices.sync([]) == {"Update": 1}
    assert slices.sizes() == [0]


def test_a_headless_service_without_ports_fills_its_empty_slice() -> None:
    slices = Slices(service(clusterIP="None", ports=[]))
    slices.sync([])
    assert slices.sync([pod(1)]) == {"Update": 1}
    assert slices.sizes() == [1]
    assert next(iter(slices.all.values()))["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


def test_two_families_have_slices_each() -> None:
    found = outcome(service(ipFamilies=["IPv4", "IPv6"]), [pod(1, ips=["10.1.0.2", "fd00::1"]), pod(2)])
    by_type = {a.obj["addressType"]: [e["addresses"] for e in a.obj["endpoints"]] for a in found.plan.actions if isinstance(a, Create)}
    assert by_type == {"IPv4": [["10.1.0.2"], ["10.1.0.3"]], "IPv6": [["fd00::1"]]}


def test_slices_of_a_family_given_up_are_deleted() -> None:
    slices = Slices(service(ipFamilies=["IPv4", "IPv6"]))
    slices.sync([pod(1, ips=["10.1.0.2", "fd00::1"])])
    slices.service = service(ipFamilies=["IPv4"])
    assert slices.sync([pod(1, ips=["10.1.0.2", "fd00::1"])]) == {"Delete": 1}


def test_pods_with_different_numbers_for_a_named_port_stand_in_different_slices() -> None:
    svc = service(ports=[port(80, "http", "web")])
    pods = [pod(n, container_ports=[{"name": "http", "containerPort": 8000 + n % 2}]) for n in range(6)]
    slices = Slices(svc)
    slices.sync(pods)
    assert sorted((s["ports"][0]["port"], len(s["endpoints"])) for s in slices.all.values()) == [(8000, 3), (8001, 3)]


def test_hundred_endpoints_fill_a_slice() -> None:
    slices = Slices(service())
    assert slices.sync([pod(n) for n in range(250)]) == {"Create": 3}
    assert slices.sizes() == [50, 100, 100]


def test_one_more_pod_goes_where_there_is_room() -> None:
    slices = Slices(service())
    slices.sync([pod(n) for n in range(250)])
    assert slices.sync([pod(n) for n in range(251)]) == {"Update": 1}
    assert slices.sizes() == [51, 100, 100]


def test_a_rollout_replaces_endpoints_within_the_slices_that_change() -> None:
    slices = Slices(service())
    slices.sync([pod(n) for n in range(150)])
    assert slices.sync([pod(n) for n in range(10, 160)]) == {"Update": 1}
    assert slices.sizes() == [50, 100]


def test_a_slice_that_loses_all_its_endpoints_is_deleted() -> None:
    slices = Slices(service())
    slices.sync([pod(n) for n in range(150)])
    last = next(s for s in slices.all.values() if len(s["endpoints"]) == 50)
    kept = [pod(n) for n in range(150) if f"web-{n}" not in {e["targetRef"]["name"] for e in last["endpoints"]}]
    assert slices.sync(kept) == {"Delete": 1}


def test_a_pod_that_changes_state_changes_its_slice_only() -> None:
    slices = Slices(service())
    slices.sync([pod(n) for n in range(250)])
    assert slices.sync([pod(n, ready=n != 7) for n in range(250)]) == {"Update": 1}


def test_labels_follow_the_service_but_not_the_reserved_ones() -> None:
    slices = Slices(service(labels={"a": "1"}))
    slices.sync([pod(1)])
    slices.service = service(labels={"b": "2", "kubernetes.io/service-name": "forged"})
    assert slices.sync([pod(1)]) == {"Update": 1}
    (found,) = slices.all.values()
    assert found["metadata"]["labels"] == {"b": "2", "kubernetes.io/service-name": "web",
                                           "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    assert slices.sync([pod(1)]) == {}


def test_slices_of_an_earlier_service_of_that_name_are_replaced_and_not_reused() -> None:
    slices = Slices(service())
    slices.sync([pod(1)])
    slices.service = {**service(), "metadata": {**service()["metadata"], "uid": "uid-later"}}
    assert slices.sync([pod(1)]) == {"Create": 1, "Delete": 1}


def test_nothing_is_created_for_a_service_that_is_going() -> None:
    going = service()
    going["metadata"]["deletionTimestamp"] = "2025-06-01T01:00:00Z"
    assert outcome(going, [pod(1)]).plan.actions == ()


def test_near_traffic_gives_hints_to_ready_endpoints() -> None:
    pods = [pod(1), pod(2, node="n2", ready=False), pod(3, node="n3")]
    found = only(outcome(service(trafficDistribution="PreferSameZone"), pods))["endpoints"]
    assert [e.get("hints") for e in found] == [{"forZones": [{"name": "z1"}]}, None, None]
    found = only(outcome(service(trafficDistribution="PreferSameNode"), pods))["endpoints"]
    assert [e.get("hints") for e in found] == [
        {"forZones": [{"name": "z1"}], "forNodes": [{"name": "n1"}]}, None, {"forNodes": [{"name": "n3"}]}]


def test_hints_go_when_the_service_no_longer_asks_for_them() -> None:
    slices = Slices(service(trafficDistribution="PreferClose"))
    slices.sync([pod(1)])
    assert slices.sync([pod(1)]) == {}
    slices.service = service()
    assert slices.sync([pod(1)]) == {"Update": 1}
    (found,) = slices.all.values()
    assert "hints" not in found["endpoints"][0]


@given(st.lists(st.sets(st.integers(0, 320), max_size=320), min_size=1, max_size=5))
def test_any_change_of_pods_ends_with_each_endpoint_once_in_slices_of_a_hundred(rounds: list[set[int]]) -> None:
    slices = Slices(service())
    for numbers in rounds:
        pods = [pod(n) for n in sorted(numbers)]
        slices.sync(pods)
        names = [e["targetRef"]["name"] for s in slices.all.values() for e in s["endpoints"] or ()]
        assert sorted(names) == sorted(p["metadata"]["name"] for p in pods)
        assert max(slices.sizes()) <= 100
        assert slices.sync(pods) == {}
