"""What a node listens at for the `hostPort`s of its pods. Pure.

Called by `network.pod_ports`. A port is served at the address that it names (`hostIP`), or at all of the node's; and at addresses of this
machine, so that its programs reach it, where it names none. Source: the CNI plug-in portmap (https://www.cni.dev/plugins/current/meta/portmap/).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wherry.api.objects import Obj
from wherry.rules.networking.proxy.host import Listener

_ALL = ("", "0.0.0.0", "::")
_SERVED = ("TCP", "UDP")


def wants(pod: Obj) -> bool:
    """It has such ports, and an address that they lead to."""
    if pod["spec"].get("hostNetwork") or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    return bool((pod.get("status") or {}).get("podIP")) and any(True for _ in _ports(pod))


def on_node(pod: Obj) -> list[Listener]:
    """In the node's own network."""
    return [Listener("0.0.0.0" if host in _ALL else host, port, protocol, inside) for host, port, protocol, inside in _ports(pod)]


def on_machine(pod: Obj, addresses: Sequence[str]) -> list[Listener]:
    """`addresses`: those of this machine at which ports of nodes are served."""
    return [
        Listener(address, port, protocol, inside)
        for host, port, protocol, inside in _ports(pod) for address in addresses if host in _ALL or host == address
    ]  # fmt: skip


def _ports(pod: Obj) -> Iterator[tuple[str, int, str, tuple[str, int]]]:
    address = (pod.get("status") or {}).get("podIP", "")
    containers = [*(pod["spec"].get("initContainers") or ()), *(pod["spec"].get("containers") or ())]
    for each in (port for container in containers for port in container.get("ports") or ()):
        if each.get("hostPort") and each.get("protocol", "TCP") in _SERVED:
            yield each.get("hostIP") or "", each["hostPort"], each.get("protocol") or "TCP", (address, each["containerPort"])
