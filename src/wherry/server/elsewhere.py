"""Group versions that an APIService says are served by another server: wherry hands no requests on, so they are unavailable.

Called by `app` for paths of groups that this server does not serve. Source: k8s.io/kube-aggregator/pkg/apiserver/handler_proxy.go.
"""

from __future__ import annotations

from wherry.api.errors import NotFound
from wherry.api.options import Target
from wherry.api.resources import resource
from wherry.registry.registry import Registry

_API_SERVICES = resource("apiservices", "apiregistration.k8s.io")


class Elsewhere:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def has(self, group: str, version: str) -> bool:
        """An APIService names a Service for this group version, and nothing here serves it."""
        if any(row.group == group and row.version == version for row in self._registry.table):
            return False
        try:
            found = (await self._registry.get(Target(_API_SERVICES, "", f"{version}.{group}"))).object()
        except NotFound:
            return False
        return bool(found["spec"].get("service"))
