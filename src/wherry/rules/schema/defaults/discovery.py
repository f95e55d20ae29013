"""Defaults of an EndpointSlice: every port has a name (which may be empty) and a protocol.

Source: pkg/apis/discovery/v1/defaults.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj


def default_slice(draft: Obj) -> None:
    for port in draft.get("ports") or ():
        if port.get("name") is None:
            port["name"] = ""
        if port.get("protocol") is None:
            port["protocol"] = "TCP"
    for endpoint in draft.get("endpoints") or ():
        if endpoint.get("conditions") is None:
            endpoint["conditions"] = {}
    for name in ("endpoints", "ports"):
        draft.setdefault(name, None)
