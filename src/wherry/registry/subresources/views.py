"""Subresources that are another way to write the same object: which they are, and under which strategy they are written.

Asked by the registry for reads and by `updates` for writes; `status` and `finalize` are no part of it, they belong to the kind's strategy.
"""

from __future__ import annotations

from importlib import import_module

from wherry.api.resources import LEGACY_VERSIONS, Resource
from wherry.registry.core import Core
from wherry.rules import legacy
from wherry.rules.strategy import Strategy

#: (kind, subresource) -> the file here that has its `STRATEGY`; imported at the first request
_VIEWS: dict[tuple[str, str], str] = {
    ("CertificateSigningRequest.certificates.k8s.io", "approval"): "approval",
    ("Pod", "ephemeralcontainers"): "ephemeral_containers",
    ("Pod", "resize"): "resize",
}


def is_view(resource: Resource, subresource: str) -> bool:
    """Whether the (sub)resource is read, updated and patched like the object."""
    return subresource in ("", "status") or (resource.group_kind, subresource) in _VIEWS


def strategy_of(core: Core, resource: Resource, subresource: str = "") -> Strategy:
    """Of a request for `resource`, in the version that was asked for."""
    if subresource and (view := _VIEWS.get((resource.group_kind, subresource))) is not None:
        found: Strategy = import_module(f"wherry.registry.subresources.{view}").STRATEGY
        return found
    of_the_past = None
    if (resource.group, resource.version) in LEGACY_VERSIONS:
        of_the_past = legacy.strategy(resource.api_version, resource.kind)
    return of_the_past or core.strategy_asked(resource)
