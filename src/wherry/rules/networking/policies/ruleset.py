"""What NetworkPolicies let through, as a frozen value that the kernel's rules are made of.

Called by the component that keeps them, with all that is known. A pod that a policy selects for a direction is isolated in it: what no
policy of the pod allows is dropped. Pods selected by the same policies share a group; a policy's rules are one chain whoever it selects;
addresses that a peer stands for are one set, which all policies with that peer share. So a pod that comes or goes changes elements of
sets, and a policy that changes its own chain. A selector is asked once per namespace and set of labels, not per pod.
Invariant: names are made of contents, so equal facts give equal values.
Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/; networking.k8s.io/v1 NetworkPolicySpec.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any, NamedTuple

from wherry.api.objects import Obj, key, namespace
from wherry.rules.networking.policies.blocks import networks
from wherry.rules.networking.policies.facts import PolicyPod
from wherry.rules.networking.policies.ports import PortMatch, port_matches
from wherry.rules.objects.selectors import Selector, from_label_selector

INGRESS, EGRESS = "ingress", "egress"
_TYPES = {INGRESS: "Ingress", EGRESS: "Egress"}
_PEERS = {INGRESS: "from", EGRESS: "to"}
_NOBODY: tuple[str, ...] = ()


class Match(NamedTuple):
    """What one rule lets through. `peers`: the set of addresses, or `blocks`: networks; neither: anyone."""

    ports: PortMatch
    peers: str = ""
    blocks: tuple[str, ...] = _NOBODY


class Policy(NamedTuple):
    """`about`: the policy's key, for who reads the rules."""

    about: str
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Isolation:
    """Of one direction. `groups`: chains of policies by name; `pods`: address -> group."""

    policies: Mapping[str, Policy] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pods: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """`peers`: addresses, by the name of the set; `named`: (address, protocol, port), likewise; `always`: (from, to) that always pass."""

    ingress: Isolation = field(default_factory=Isolation)
    egress: Isolation = field(default_factory=Isolation)
    peers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    named: Mapping[str, frozenset[tuple[str, str, int]]] = field(default_factory=dict)
    always: frozenset[tuple[str, str]] = frozenset()

    def of(self, direction: str) -> Isolation:
        return self.ingress if direction == INGRESS else self.egress


class World(NamedTuple):
    """`pods`: that policies may select; `others`: whom peers may mean besides (a name server that is no pod). `nodes`: their addresses."""

    pods: tuple[PolicyPod, ...]
    namespaces: Mapping[str, Mapping[str, str]]
    nodes: Mapping[str, tuple[str, ...]]
    others: tuple[PolicyPod, ...] = ()


def ruleset(policies: Iterable[Obj], world: World, family: int = 4) -> Ruleset:
    """For one family of addresses."""
    build = _Building(world, family)
    listed = sorted(policies, key=key)
    directions = {direction: build.isolation(direction, [each for each in listed if isolates(each, direction)]) for direction in _TYPES}
    isolated = {*directions[INGRESS].pods, *directions[EGRESS].pods}
    return Ruleset(directions[INGRESS], directions[EGRESS], build.peers, build.named, build.always(isolated))


def isolates(policy: Obj, direction: str) -> bool:
    """In that direction, by spec.policyTypes or what they default to."""
    spec = policy.get("spec") or {}
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    return _TYPES[direction] in types


#: a namespace and the labels of a pod: what selectors look at
_Kind = tuple[str, tuple[tuple[str, str], ...]]


class _Building:
    def __init__(self, world: World, family: int) -> None:
        self._world, self._family = world, family
        #: each pod with its addresses of this family; and all addresses of a kind
        self._pods = _by_kind(world.pods, family)
        self._all = _by_kind((*world.pods, *world.others), family)
        self._addresses = {kind: [address for _, own in found for address in own] for kind, found in self._all.items()}
        self.peers: dict[str, frozenset[str]] = {}
        self.named: dict[str, frozenset[tuple[str, str, int]]] = {}

    def isolation(self, direction: str, policies: list[Obj]) -> Isolation:
        chains = {_chain(direction, each): each for each in policies}
        by_namespace: dict[str, list[tuple[str, Selector]]] = {}
        for chain, policy in chains.items():
            by_namespace.setdefault(namespace(policy), []).append((chain, _selector(policy)))
        groups: dict[str, tuple[str, ...]] = {}
        pods: dict[str, str] = {}
        for (where, labels), found in self._pods.items():
            known_labels = dict(labels)
            chosen = tuple(chain for chain, selector in by_namespace.get(where, ()) if selector.matches(known_labels))
            if chosen:
                group = f"g{direction[0]}{_digest(chosen)}"
                groups[group] = chosen
                pods.update((address, group) for _, own in found for address in own)
        used = {chain for chosen in groups.values() for chain in chosen}
        known = {chain: Policy(key(policy), self._matches(policy, direction)) for chain, policy in chains.items() if chain in used}
        return Isolation(known, groups, pods)

    def always(self, isolated: Iterable[str]) -> frozenset[tuple[str, str]]:
        """A pod and itself, a pod and its own node."""
        wanted = set(isolated)
        found: set[tuple[str, str]] = set()
        nodes = {name: [each for each in own if (":" in each) == (self._family == 6)] for name, own in self._world.nodes.items()}
        for pods in self._pods.values():
            for pod, addresses in pods:
                for address in addresses:
                    if address in wanted:
                        found.add((address, address))
                        for node in nodes.get(pod.node, ()):
                            found.add((address, node))
                            found.add((node, address))
        return frozenset(found)

    # --- the rules of a policy ---
    def _matches(self, policy: Obj, direction: str) -> tuple[Match, ...]:
        found: dict[Match, None] = {}
        for rule in (policy.get("spec") or {}).get(direction) or ():
            ports = port_matches(rule.get("ports") or (), self._named)
            for port in ports:
                for peer in self._peers(namespace(policy), rule.get(_PEERS[direction]) or ()):
                    found[Match(port, *peer)] = None
        return tuple(found)

    def _peers(self, own: str, peers: Iterable[Obj]) -> list[tuple[str, tuple[str, ...]]]:
        listed = list(peers)
        if not listed:
            return [("", _NOBODY)]
        found: list[tuple[str, tuple[str, ...]]] = []
        for peer in listed:
            block = peer.get("ipBlock")
            if block is None:
                found.append((self._peer(own, peer), _NOBODY))
            elif covered := networks(block["cidr"], tuple(block.get("except") or ()), self._family):
                found.append(("", covered))
        return found

    def _peer(self, own: str, peer: Obj) -> str:
        """The set of the addresses that a peer's selectors mean."""
        everywhere, chosen = peer.get("namespaceSelector"), peer.get("podSelector")
        called = f"p{_digest(['' if everywhere is not None else own, everywhere, chosen])}"
        if called not in self.peers:
            where, who = from_label_selector(everywhere), from_label_selector(chosen)
            self.peers[called] = frozenset().union(*(
                addresses for (namespace_, labels), addresses in self._addresses.items()
                if (namespace_ == own if everywhere is None else where.matches(self._world.namespaces.get(namespace_, {})))
                and (chosen is None or who.matches(dict(labels)))
            ))  # fmt: skip
        return called

    def _named(self, name: str, protocol: str) -> str:
        """The set of the pods' ports of that name."""
        called = f"n{_digest([name, protocol])}"
        if called not in self.named:
            self.named[called] = frozenset(
                (address, protocol, port.number) for pods in self._all.values() for pod, addresses in pods for port in pod.ports
                if (port.name, port.protocol) == (name, protocol) for address in addresses
            )  # fmt: skip
        return called


def _by_kind(pods: Iterable[PolicyPod], family: int) -> dict[_Kind, list[tuple[PolicyPod, tuple[str, ...]]]]:
    found: dict[_Kind, list[tuple[PolicyPod, tuple[str, ...]]]] = {}
    for pod in pods:
        if addresses := pod.of_family(family):
            found.setdefault((pod.namespace, pod.labels), []).append((pod, addresses))
    return found


def _selector(policy: Obj) -> Selector:
    """An empty one selects every pod of the namespace."""
    return from_label_selector((policy.get("spec") or {}).get("podSelector") or {})


def _chain(direction: str, policy: Obj) -> str:
    return f"{direction[0]}{_digest(key(policy))}"


def _digest(content: Any) -> str:
    return sha1(json.dumps(content, sort_keys=True).encode(), usedforsecurity=False).hexdigest()[:12]
