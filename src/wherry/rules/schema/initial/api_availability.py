"""Whether what an APIService of somebody else's server names can be reached: its condition Available.

Called by `controllers.api_availability`. An APIService with a Service, that Service and its EndpointSlices go in, what is wrong comes out;
where nothing is, the server itself is asked for its discovery document, and the condition is made of what came of that.
Source: k8s.io/kube-aggregator/pkg/controllers/status/remote (sync), pkg/apis/apiregistration/v1/helper (SetAPIServiceCondition).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wherry.api.objects import Obj

AVAILABLE = "Available"


class Trouble(NamedTuple):
    reason: str
    message: str


def unanswered(message: str) -> Trouble:
    """The server does not say what it serves."""
    return Trouble("FailedDiscoveryCheck", message)


def condition(api_service: Obj, trouble: Trouble | None, now: str) -> Obj:
    """The condition as of `now` (RFC 3339); since when it has its status is kept from the one before."""
    status, (reason, message) = ("False", trouble) if trouble else ("True", Trouble("Passed", "all checks passed"))
    before: Obj = next((c for c in conditions(api_service) if c.get("type") == AVAILABLE), {})
    since = before.get("lastTransitionTime") if before.get("status") == status else None
    return {"type": AVAILABLE, "status": status, "lastTransitionTime": since or now, "reason": reason, "message": message}


def is_available(api_service: Obj) -> bool:
    return any(c.get("type") == AVAILABLE and c.get("status") == "True" for c in conditions(api_service))


def conditions(api_service: Obj) -> Sequence[Obj]:
    return (api_service.get("status") or {}).get("conditions") or ()


def missing(api_service: Obj, service: Obj | None, slices: Sequence[Obj]) -> Trouble | None:
    """What there has to be before its server can be asked."""
    named = api_service["spec"]["service"]
    name, namespace, port = named.get("name", ""), named.get("namespace", ""), named.get("port", 443)
    if service is None:
        return Trouble("ServiceNotFound", f'service/{name} in "{namespace}" is not present')
    if service["spec"].get("type") == "ClusterIP":
        found = next((p for p in service["spec"].get("ports") or () if p["port"] == port), None)
        if found is None:
            return Trouble("ServicePortError", f'service/{name} in "{namespace}" is not listening on port {port}')
        if not slices:
            return Trouble("EndpointsNotFound", f'cannot find endpointslices for service/{name} in "{namespace}"')
        if not any(_leads_to(each, found.get("name", "")) for each in slices):
            port_name = found.get("name", "")
            text = f'endpointslices for service/{name} in "{namespace}" have no addresses with port name "{port_name}"'
            return Trouble("MissingEndpoints", text)
    return None


def _leads_to(each: Obj, port_name: str) -> bool:
    ready = any((e.get("conditions") or {}).get("ready", True) is not False for e in each.get("endpoints") or ())
    return ready and any(p.get("name") == port_name and p.get("port") is not None for p in each.get("ports") or ())
