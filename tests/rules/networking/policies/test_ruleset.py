"""A ruleset lets through what the policies, read word by word, do: whatever the policies and pods."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.rules.networking.policies.model import Connection, allowed, passes
from wherry.rules.networking.policies.facts import NamedPort, PolicyPod, policy_pod
from wherry.rules.networking.policies.ruleset import World, isolates, ruleset

Obj = dict[str, Any]
_LABELS = st.sampled_from([{}, {"a": "1"}, {"a": "2"}, {"a": "1", "b": "x"}, {"b": "y"}])
_EXPRESSIONS = st.one_of(
    st.builds(
        lambda how, values: {"key": "a", "operator": how, "values": values},
        st.sampled_from(["In", "NotIn"]), st.sampled_from([["1"], ["1", "2"]]),
    ),
    st.builds(lambda o: {"key": "b", "operator": o}, st.sampled_from(["Exists", "DoesNotExist"])),
)  # fmt: skip
_SELECTORS = st.one_of(
    st.just({}), _LABELS.map(lambda labels: {"matchLabels": labels}), _EXPRESSIONS.map(lambda each: {"matchExpressions": [each]})
)
_BLOCKS = st.sampled_from([
    {"cidr": "10.0.0.0/8"}, {"cidr": "10.244.0.0/30"}, {"cidr": "10.244.0.0/29", "except": ["10.244.0.2/31", "10.244.0.4/32"]},
    {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/29"]}, {"cidr": "10.244.0.3/32", "except": ["10.244.0.3/32"]}, {"cidr": "fd00::/8"},
])  # fmt: skip
_PEER = st.one_of(
    st.builds(lambda pods: {"podSelector": pods}, _SELECTORS), st.builds(lambda spaces: {"namespaceSelector": spaces}, _SELECTORS),
    st.builds(lambda pods, spaces: {"podSelector": pods, "namespaceSelector": spaces}, _SELECTORS, _SELECTORS),
    st.builds(lambda block: {"ipBlock": block}, _BLOCKS),
)  # fmt: skip
_PORT = st.builds(
    lambda protocol, port: {"protocol": protocol, **port}, st.sampled_from(["TCP", "UDP", "SCTP"]),
    st.sampled_from([{}, {"port": 80}, {"port": 80, "endPort": 82}, {"port": 82}, {"port": "web"}, {"port": "dns"}, {"port": "none"}]),
)  # fmt: skip


def _rules(peers: str) -> st.SearchStrategy[list[Obj]]:
    rule = st.fixed_dictionaries({}, optional={peers: st.lists(_PEER, max_size=2), "ports": st.lists(_PORT, max_size=2)})
    return st.lists(rule, max_size=2)


_POLICY = st.builds(
    lambda name, namespace, spec: {"metadata": {"name": f"p{name}", "namespace": namespace}, "spec": spec},
    st.integers(0, 5), st.sampled_from(["x", "y"]),
    st.fixed_dictionaries({"podSelector": _SELECTORS}, optional={
        "ingress": _rules("from"), "egress": _rules("to"),
        "policyTypes": st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
    }),
)  # fmt: skip
_POLICIES = st.lists(_POLICY, max_size=4, unique_by=lambda each: (each["metadata"]["name"], each["metadata"]["namespace"]))
_PORTS = st.sampled_from([
    (), (NamedPort("web", "tcp", 80),), (NamedPort("web", "tcp", 82), NamedPort("dns", "udp", 80)), (NamedPort("web", "udp", 80),),
])  # fmt: skip
_PODS = st.lists(st.tuples(st.sampled_from(["x", "y"]), _LABELS, _PORTS, st.sampled_from(["n0", "n1"])), min_size=1, max_size=5)
_SPACES = st.fixed_dictionaries({"x": _LABELS, "y": _LABELS})


def _world(pods: list[tuple[str, dict[str, str], tuple[NamedPort, ...], str]], spaces: dict[str, dict[str, str]]) -> World:
    made = [PolicyPod(f"u{at}", space, tuple(sorted(labels.items())), (f"10.244.0.{at + 1}",), ports, node)
            for at, (space, labels, ports, node) in enumerate(pods)]  # fmt: skip
    return World(tuple(made[1:]), spaces, {"n0": ("10.0.0.1",), "n1": ("10.0.0.2",)}, (made[0],))


@given(_POLICIES, _PODS, _SPACES, st.data())
def test_what_passes_is_what_the_policies_allow(policies: list[Obj], pods: Any, spaces: dict[str, dict[str, str]], data: Any) -> None:
    world = _world(pods, spaces)
    rules = ruleset(policies, world)
    everyone = [*(f"10.244.0.{at + 1}" for at in range(len(pods))), "10.0.0.1", "10.0.0.2", "8.8.8.8"]
    port = data.draw(st.sampled_from([79, 80, 81, 82, 83]))
    for protocol in ("tcp", "udp", "sctp"):
        for source in everyone:
            for target in everyone:
                one = Connection(source, target, protocol, port)
                assert passes(rules, one) == allowed(policies, world, one), one


@given(_POLICIES, _PODS, _SPACES)
def test_a_ruleset_depends_on_nothing_but_the_facts(policies: list[Obj], pods: Any, spaces: dict[str, dict[str, str]]) -> None:
    world = _world(pods, spaces)
    assert ruleset(policies, world) == ruleset(policies[::-1], world._replace(pods=world.pods[::-1]))


def _policy(name: str = "p", **spec: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": "x"}, "spec": {"podSelector": {}, **spec}}


def test_policy_types_default_to_ingress_and_to_egress_where_it_has_egress_rules() -> None:
    bare, both = _policy(), _policy(egress=[{}])
    assert [isolates(bare, each) for each in ("ingress", "egress")] == [True, False]
    assert [isolates(both, each) for each in ("ingress", "egress")] == [True, True]
    assert not isolates(_policy(policyTypes=["Egress"]), "ingress")


def test_pods_of_one_set_of_labels_share_a_group_and_policies_with_one_peer_its_set() -> None:
    world = _world([("y", {}, (), ""), *[("x", {"a": "1"}, (), "n0")] * 3], {"x": {}, "y": {}})
    peer = {"from": [{"podSelector": {"matchLabels": {"a": "1"}}}]}
    rules = ruleset([_policy("one", ingress=[peer]), _policy("two", ingress=[peer])], world)
    assert len(rules.ingress.groups) == 1
    assert [len(each) for each in rules.peers.values()] == [3]
    assert set(rules.ingress.pods) == {"10.244.0.2", "10.244.0.3", "10.244.0.4"}


def test_a_policy_that_selects_nobody_costs_nothing() -> None:
    world = _world([("y", {}, (), ""), ("y", {}, (), "")], {"x": {}, "y": {}})
    rules = ruleset([_policy(ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": "web"}]}])], world)
    assert rules == ruleset([], world)


def test_pods_of_the_hosts_network_and_pods_that_have_ended_are_not_concerned() -> None:
    ports = [{"name": "web", "containerPort": 80}, {"containerPort": 81}]
    pod: Obj = {
        "metadata": {"name": "p", "namespace": "x", "uid": "u", "labels": {"a": "1"}},
        "spec": {"containers": [{"name": "c", "ports": ports}]}, "status": {"podIPs": [{"ip": "10.244.0.9"}]},
    }  # fmt: skip
    assert policy_pod(pod) == PolicyPod("u", "x", (("a", "1"),), ("10.244.0.9",), (NamedPort("web", "tcp", 80),), "")
    assert policy_pod({**pod, "spec": {**pod["spec"], "hostNetwork": True}}) is None
    assert policy_pod({**pod, "status": {**pod["status"], "phase": "Succeeded"}}) is None
    assert policy_pod({**pod, "status": {}}) is None
    early = policy_pod({**pod, "status": {}}, ["10.244.0.3"])
    assert early is not None
    assert early.addresses == ("10.244.0.3",)
