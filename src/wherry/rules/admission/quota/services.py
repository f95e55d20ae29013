"""What Services use: a count, node ports and load balancers. Source: pkg/quota/v1/evaluator/core/services.go."""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.admission.quota.amounts import Amounts
from wherry.rules.admission.quota.evaluator import Evaluator, counted_as, on_write

_COUNT = counted_as("services")
_NAMES = (_COUNT, "services", "services.nodeports", "services.loadbalancers")


def charged_type(service: Obj) -> str:
    kind: str = (service.get("spec") or {}).get("type", "")
    return kind if kind in ("NodePort", "LoadBalancer") else ""


def _usage(service: Obj, now: float) -> Amounts:
    spec = service.get("spec") or {}
    ports = spec.get("ports") or ()
    used: Amounts = {_COUNT: "1", "services": "1", "services.loadbalancers": "0", "services.nodeports": "0"}
    kind = charged_type(service)
    if kind == "NodePort":
        used["services.nodeports"] = str(len(ports))
    elif kind == "LoadBalancer":
        given = len(ports) if spec.get("allocateLoadBalancerNodePorts", True) else sum(1 for p in ports if p.get("nodePort"))
        used["services.nodeports"] = str(given)
        used["services.loadbalancers"] = "1"
    return used


SERVICES = Evaluator("services", _NAMES.__contains__, _usage, on_write)
