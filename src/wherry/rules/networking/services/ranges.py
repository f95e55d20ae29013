"""When a ServiceCIDR may go: when no cluster IP would be left outside of every range.

Called by `controllers.service_cidrs`. A range that lies within others of them goes at once, for they keep its addresses.
Source: pkg/controller/servicecidrs/servicecidrs_controller.go; KEP-1880.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from wherry.api.objects import Obj
from wherry.rules.networking.services.addresses import ALLOCATOR, MANAGED_BY

#: seconds between a deletion and its end, so that whoever allocates knows
GRACE = 10.0
TERMINATING = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"


def ready(status: str, now: str) -> Obj:
    """The condition of a range that is used, or of one that cannot go yet."""
    reason, text = ("", "Kubernetes Service CIDR is ready") if status == "True" else ("Terminating", TERMINATING)
    return {"type": "Ready", "status": status, "lastTransitionTime": now, "reason": reason, "message": text}


def is_ready(range_: Obj) -> bool:
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in (range_.get("status") or {}).get("conditions") or ())


def may_go(range_: Obj, ranges: Iterable[Obj], addresses: Iterable[Obj]) -> bool:
    others = [network for other in ranges if other["metadata"]["name"] != range_["metadata"]["name"] for network in networks(other)]
    own = networks(range_)
    if all(any(_within(network, other) for other in others) for network in own):
        return True
    for each in addresses:
        if (each["metadata"].get("labels") or {}).get(MANAGED_BY) != ALLOCATOR:
            continue
        address = ip_address(each["metadata"]["name"])
        if any(address in network for network in own) and not any(address in other for other in others):
            return False
    return True


def networks(range_: Obj) -> list[Any]:
    return [ip_network(cidr) for cidr in (range_.get("spec") or {}).get("cidrs") or ()]


def _within(network: Any, other: Any) -> bool:
    return bool(network.version == other.version and network.subnet_of(other))
