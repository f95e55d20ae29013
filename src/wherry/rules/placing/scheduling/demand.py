"""What a pod demands of the place it runs at, compiled once for all pods of one template.

Pods that are equal to node-local filters and scores share one `Demand`; that is what makes the next replica cheap (view). Invariant:
two pods with equal signatures are treated alike by everything that sees only a demand and a node.
Source of the shape: pkg/scheduler/framework (PodInfo, SignPod).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from wherry.api.objects import Obj, controller_of, key, namespace, uid
from wherry.rules.placing.scheduling import pod_terms
from wherry.rules.placing.scheduling.pod_terms import Terms
from wherry.rules.pods import node_affinity
from wherry.rules.pods.requests import ASSUMED, Amounts, of_spec

Port = tuple[str, str, int]

#: owners whose pods are spread by default (PodTopologySpread, system defaulting)
_SPREAD_OWNERS = frozenset({("v1", "ReplicationController"), ("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet")})
#: demands remembered; beyond that all are compiled anew
_REMEMBERED = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Everything node-local filters and scores read of a pod. `spec` is that of one pod of the template."""

    signature: bytes
    spec: Obj
    requests: Amounts
    assumed: Amounts
    ports: tuple[Port, ...]
    tolerations: tuple[Obj, ...]
    spread: str
    only_nodes: frozenset[str] | None
    priority: int
    terms: Terms


@dataclass(slots=True, eq=False)
class PodInfo:
    """A pod as the scheduler sees it: its object and its demand."""

    key: str
    uid: str
    pod: Obj
    demand: Demand = field(repr=False)


def _host_ports(spec: Obj) -> tuple[Port, ...]:
    """(address, protocol, port) of every port bound on the host, by containers and sidecars."""
    found = []
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in (*spec["containers"], *sidecars):
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                found.append((port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"]))
    return tuple(found)


def _spread_key(pod: Obj) -> str:
    """Which pods this one is spread with by default: those of its owner."""
    owner = controller_of(pod)
    if owner is None or (owner["apiVersion"], owner["kind"]) not in _SPREAD_OWNERS:
        return ""
    return str(owner["uid"])


def _signature(pod: Obj, spread: str) -> bytes:
    spec = pod["spec"]
    get = spec.get
    asked: list[Any] = [(c.get("resources"), c.get("ports")) for c in spec["containers"]]
    first: list[Any] = [(c.get("resources"), c.get("ports"), c.get("restartPolicy")) for c in get("initContainers") or ()]
    where = (get("nodeSelector"), get("affinity"), get("tolerations"), get("topologySpreadConstraints"))
    rank = (get("schedulerName"), get("priority"), get("preemptionPolicy"))
    return msgspec.json.encode((namespace(pod), spread, asked, first, get("resources"), get("overhead"), where, rank))


def _compile(signature: bytes, pod: Obj, spread: str) -> Demand:
    spec = pod["spec"]
    return Demand(
        signature=signature,
        spec=spec,
        requests=of_spec(spec),
        assumed=of_spec(spec, ASSUMED),
        ports=_host_ports(spec),
        tolerations=tuple(spec.get("tolerations") or ()),
        spread="" if spec.get("topologySpreadConstraints") else spread,
        only_nodes=node_affinity.only_names(spec),
        priority=spec.get("priority") or 0,
        terms=pod_terms.of_spec(spec, namespace(pod)),
    )


class Demands:
    """The demands seen so far, by signature."""

    def __init__(self) -> None:
        self._known: dict[bytes, Demand] = {}

    def info(self, pod: Obj) -> PodInfo:
        """The pod with its demand, which it shares with its equals."""
        spread = _spread_key(pod)
        signature = _signature(pod, spread)
        demand = self._known.get(signature)
        if demand is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            demand = self._known[signature] = _compile(signature, pod, spread)
        return PodInfo(key(pod), uid(pod), pod, demand)
