"""NetworkPolicies read word by word, connection by connection; and what a ruleset does to the same connection."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from wherry.rules.networking.policies.facts import PolicyPod
from wherry.rules.networking.policies.ruleset import Isolation, Match, Ruleset, World

Obj = dict[str, Any]


class Connection(NamedTuple):
    """From one address to a port of another; `protocol`: tcp, udp, sctp."""

    source: str
    target: str
    protocol: str
    port: int


# --- as the reference says it ---
def allowed(policies: list[Obj], world: World, one: Connection) -> bool:
    source, target = _pod(world.pods, one.source), _pod(world.pods, one.target)
    for mine, other in ((source, one.target), (target, one.source)):
        if mine is not None and (other in mine.addresses or other in world.nodes.get(mine.node, ())):
            return True
    return _lets(policies, world, one, source, "Egress") and _lets(policies, world, one, target, "Ingress")


def _lets(policies: list[Obj], world: World, one: Connection, pod: PolicyPod | None, direction: str) -> bool:
    if pod is None:
        return True
    mine = [
        policy for policy in policies
        if policy["metadata"]["namespace"] == pod.namespace and _chosen(policy["spec"].get("podSelector", {}), dict(pod.labels))
        and direction in policy["spec"].get("policyTypes", ["Ingress"] + (["Egress"] if policy["spec"].get("egress") else []))
    ]
    rules = [(policy, rule) for policy in mine for rule in policy["spec"].get(direction.lower(), [])]
    return not mine or any(_rule(world, policy, rule, one, direction) for policy, rule in rules)


def _rule(world: World, policy: Obj, rule: Obj, one: Connection, direction: str) -> bool:
    other = one.source if direction == "Ingress" else one.target
    peers, ports = rule.get("from" if direction == "Ingress" else "to", []), rule.get("ports", [])
    return (not peers or any(_peer(world, policy, peer, other) for peer in peers)) and (
        not ports or any(_port(world, port, one) for port in ports)
    )


def _peer(world: World, policy: Obj, peer: Obj, address: str) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        inside = ip_address(address) in ip_network(block["cidr"], strict=False)
        return inside and not any(ip_address(address) in ip_network(each, strict=False) for each in block.get("except", []))
    pod = _pod((*world.pods, *world.others), address)
    if pod is None:
        return False
    if "namespaceSelector" in peer:
        near = _chosen(peer["namespaceSelector"], dict(world.namespaces.get(pod.namespace, {})))
    else:
        near = pod.namespace == policy["metadata"]["namespace"]
    return near and _chosen(peer.get("podSelector", {}), dict(pod.labels))


def _port(world: World, port: Obj, one: Connection) -> bool:
    if port.get("protocol", "TCP").lower() != one.protocol:
        return False
    number = port.get("port")
    if number is None:
        return True
    if isinstance(number, str):
        pod = _pod((*world.pods, *world.others), one.target)
        return pod is not None and (number, one.protocol, one.port) in pod.ports
    return bool(number <= one.port <= port.get("endPort", number))


def _chosen(selector: Obj, labels: dict[str, str]) -> bool:
    for each in selector.get("matchExpressions", []):
        value, values = labels.get(each["key"]), each.get("values", [])
        answer = {"In": value in values, "NotIn": value not in values, "Exists": value is not None, "DoesNotExist": value is None}
        if not answer[each["operator"]]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def _pod(pods: tuple[PolicyPod, ...], address: str) -> PolicyPod | None:
    return next((pod for pod in pods if address in pod.addresses), None)


# --- as the kernel would ---
def passes(rules: Ruleset, one: Connection) -> bool:
    if (one.source, one.target) in rules.always:
        return True
    return _direction(rules, rules.egress, one.source, one.target, one) and _direction(rules, rules.ingress, one.target, one.source, one)


def _direction(rules: Ruleset, isolation: Isolation, address: str, other: str, one: Connection) -> bool:
    group = isolation.pods.get(address)
    if group is None:
        return True
    return any(_match(rules, match, other, one) for chain in isolation.groups[group] for match in isolation.policies[chain].matches)


def _match(rules: Ruleset, match: Match, other: str, one: Connection) -> bool:
    if match.peers and other not in rules.peers[match.peers]:
        return False
    if match.blocks and not any(ip_address(other) in ip_network(each) for each in match.blocks):
        return False
    ports = match.ports
    if ports.named:
        return (one.target, one.protocol, one.port) in rules.named[ports.named]
    if ports.protocol and ports.protocol != one.protocol:
        return False
    return not ports.ranges or any(first <= one.port <= last for first, last in ports.ranges)
