"""Subresources that are another way to write the same object: which they are, and under which strategy they are written.

Asked by the registry for reads and by `updates` for writes; `status` and `finalize` are no part of it, they belong to the kind's strategy.
"""

from __future__ import annotations

from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.registry.subresources import approval, ephemeral_containers, resize
from wherry.rules import legacy
from wherry.rules.strategy import Strategy

_VIEWS: dict[tuple[str, str], Strategy] = {
    ("CertificateSigningRequest.certificates.k8s.io", "approval"): approval.STRATEGY,
    ("Pod", "ephemeralcontainers"): ephemeral_containers.STRATEGY,
    ("Pod", "resize"): resize.STRATEGY,
}


def is_view(resource: Resource, subresource: str) -> bool:
    """Whether the (sub)resource is read, updated and patched like the object."""
    return subresource in ("", "status") or (resource.group_kind, subresource) in _VIEWS


def strategy_of(core: Core, resource: Resource, subresource: str = "") -> Strategy:
    """Of a request for `resource`, in the version that was asked for."""
    if subresource and (view := _VIEWS.get((resource.group_kind, subresource))) is not None:
        return view
    return legacy.strategy(resource.api_version, resource.kind) or core.strategy(core.table.storage(resource))
