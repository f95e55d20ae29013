"""Whether what an APIService of somebody else's server names can be reached: its condition Available.

Called by `controllers.api_availability`. An APIService with a Service, that Service and its EndpointSlices go in, the condition comes out.
The reference then asks the server behind it for its discovery document; wherry hands no requests on, and says that of one that is there.
Source: k8s.io/kube-aggregator/pkg/controllers/status/remote (sync), pkg/apis/apiregistration/v1/helper (SetAPIServiceCondition).
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api.objects import Obj

AVAILABLE = "Available"


def condition(api_service: Obj, service: Obj | None, slices: Sequence[Obj], now: str) -> Obj:
    """The condition as of `now` (RFC 3339); since when it has its status is kept from the one before."""
    reason, message = _why_not(api_service["spec"], service, slices)
    before: Obj = next((c for c in conditions(api_service) if c.get("type") == AVAILABLE), {})
    since = before.get("lastTransitionTime") if before.get("status") == "False" else None
    return {"type": AVAILABLE, "status": "False", "lastTransitionTime": since or now, "reason": reason, "message": message}


def conditions(api_service: Obj) -> Sequence[Obj]:
    return (api_service.get("status") or {}).get("conditions") or ()


def _why_not(spec: Obj, service: Obj | None, slices: Sequence[Obj]) -> tuple[str, str]:
    named = spec["service"]
    name, namespace, port = named.get("name", ""), named.get("namespace", ""), named.get("port", 443)
    if service is None:
        return "ServiceNotFound", f'service/{name} in "{namespace}" is not present'
    if service["spec"].get("type") == "ClusterIP":
        found = next((p for p in service["spec"].get("ports") or () if p["port"] == port), None)
        if found is None:
            return "ServicePortError", f'service/{name} in "{namespace}" is not listening on port {port}'
        if not slices:
            return "EndpointsNotFound", f'cannot find endpointslices for service/{name} in "{namespace}"'
        if not any(_leads_to(each, found.get("name", "")) for each in slices):
            port_name = found.get("name", "")
            text = f'endpointslices for service/{name} in "{namespace}" have no addresses with port name "{port_name}"'
            return "MissingEndpoints", text
    path = f"/apis/{spec.get('group', '')}/{spec.get('version', '')}"
    where = f"https://{name}.{namespace}.svc:{port}{path}"
    return "FailedDiscoveryCheck", f"failing or missing response from {where}: wherry does not hand requests on to other API servers"


def _leads_to(each: Obj, port_name: str) -> bool:
    ready = any((e.get("conditions") or {}).get("ready", True) is not False for e in each.get("endpoints") or ())
    return ready and any(p.get("name") == port_name and p.get("port") is not None for p in each.get("ports") or ())
