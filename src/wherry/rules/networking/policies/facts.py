"""What of a pod counts for NetworkPolicies.

Pods of the host's network are none of theirs, and pods that have ended have no address any more.
Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/ (hostNetwork pods).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wherry.api.objects import Obj, labels, namespace, uid

_ENDED = ("Succeeded", "Failed")


class NamedPort(NamedTuple):
    """`protocol`: tcp, udp or sctp."""

    name: str
    protocol: str
    number: int


class PolicyPod(NamedTuple):
    """`node`: its name, "" for what is on none."""

    uid: str
    namespace: str
    labels: tuple[tuple[str, str], ...]
    addresses: tuple[str, ...]
    ports: tuple[NamedPort, ...] = ()
    node: str = ""

    def of_family(self, family: int) -> tuple[str, ...]:
        return tuple([each for each in self.addresses if (":" in each) == (family == 6)])


def policy_pod(pod: Obj, addresses: Iterable[str] = ()) -> PolicyPod | None:
    """`addresses`: where they are known before the API has them. None: policies do not concern it (yet)."""
    spec, status = pod["spec"], pod.get("status") or {}
    known = tuple(addresses) or tuple(each["ip"] for each in status.get("podIPs") or ())
    if spec.get("hostNetwork") or not known or status.get("phase") in _ENDED:
        return None
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    listed = [*(spec.get("containers") or ()), *sidecars]
    ports = tuple(
        NamedPort(port["name"], (port.get("protocol") or "TCP").lower(), port["containerPort"])
        for container in listed for port in container.get("ports") or () if port.get("name")
    )  # fmt: skip
    return PolicyPod(uid(pod), namespace(pod), tuple(sorted(labels(pod).items())), known, ports, spec.get("nodeName", ""))
