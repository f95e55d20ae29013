"""Access to devices that others use is asked for by claims, and granted where the namespace says so.

Called by the stage that validates a new object of resource.k8s.io. Source: pkg/registry/resource/utils.go (AuthorizedForAdmin); KEP-5018.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, forbidden, index, internal
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.registry.core import key
from wherry.registry.verbs.write import Write

GROUP = "resource.k8s.io"
LABEL = "resource.kubernetes.io/admin-access"
_NAMESPACES = resource("namespaces")


async def refusals(write: Write) -> Errors:
    """The error of a claim, or a template of claims, that asks in a namespace without the label."""
    path = _asked(write)
    if not path:
        return []
    record = await write.core.store.get(key(_NAMESPACES, "", write.namespace))
    if record is None:
        return [internal(path, f'could not retrieve namespace to verify admin access: namespaces "{write.namespace}" not found')]
    if (record.object()["metadata"].get("labels") or {}).get(LABEL) == "true":
        return []
    return [forbidden(path, f"admin access to devices requires the `{LABEL}: true` label on the containing namespace")]


def _asked(write: Write) -> str:
    spec: Obj = write.draft.get("spec") or {}
    if write.resource.plural == "resourceclaimtemplates":
        spec = spec.get("spec") or {}
    elif write.resource.plural != "resourceclaims":
        return ""
    for i, request in enumerate((spec.get("devices") or {}).get("requests") or ()):
        if (request.get("exactly") or {}).get("adminAccess"):
            return child(index("spec.devices.requests", i), "adminAccess")
    return ""
