"""When a certificate signing request has served its purpose.

Asked by the cleaning controller for every request.
Source: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#request-signing-process;
pkg/controller/certificates/cleaner/cleaner.go.
"""

from __future__ import annotations

from wherry.api import timestamps
from wherry.api.objects import Obj

HOUR, DAY = 3600.0, 86400.0


def ends(request: Obj) -> float | None:
    """The moment after which the request is deleted, None for never (as things are now)."""
    status = request.get("status") or {}
    conditions = status.get("conditions") or []
    if not conditions:
        return timestamps.parse(request["metadata"]["creationTimestamp"]) + DAY
    moments: list[float] = []
    for condition in conditions:
        since = condition.get("lastUpdateTime")
        if since:
            approved = condition.get("type") == "Approved"
            moments.append(timestamps.parse(since) + (DAY if approved and not status.get("certificate") else HOUR))
    return min(moments, default=None)
