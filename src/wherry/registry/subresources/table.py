"""All views, by kind and subresource: what is read, created, updated and patched where, and under which rules.

Asked by `Registry` for every request. A row says how a subresource shows the stored object, or what it does; what has none is not served.
"*" stands for every kind. The rows that need a kind's rules are functions: rules are loaded with the first request that meets them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from wherry.api.options import Target
from wherry.registry.subresources import binding, eviction, rollback
from wherry.registry.subresources.action import Action
from wherry.registry.subresources.finalize import FinalizeView
from wherry.registry.subresources.scale import ScaleView
from wherry.registry.verbs.view import OBJECT, STATUS, ObjectView, not_served
from wherry.registry.verbs.write import View

_CERTIFICATES = "CertificateSigningRequest.certificates.k8s.io"


def _ephemeral_containers() -> View:
    from wherry.rules.kinds.pods import STRATEGIES, update_ephemeral_containers, validate_ephemeral_containers

    pods = STRATEGIES["Pod"]
    return ObjectView(replace(pods, prepare_update=update_ephemeral_containers, validate_update=validate_ephemeral_containers))


def _resize() -> View:
    from wherry.rules.kinds.pods import STRATEGIES, update_resize, validate_resize

    return ObjectView(replace(STRATEGIES["Pod"], prepare_update=update_resize, validate_update=validate_resize))


def _approval() -> View:
    from wherry.rules.kinds.certificates import STRATEGIES, prepare_approval

    return ObjectView(replace(STRATEGIES[_CERTIFICATES], prepare_update=prepare_approval))


def _token() -> View:
    from wherry.registry.subresources import token

    return Action(token.STAGES)


VIEWS: dict[tuple[str, str], View | Callable[[], View]] = {
    ("*", ""): OBJECT,
    ("*", "status"): STATUS,
    ("*", "scale"): ScaleView(),  # an autoscaling/v1 Scale, of workloads and of custom kinds
    ("Pod", "binding"): Action(binding.STAGES),  # a pod's node, once
    ("Binding", ""): binding.Bindings(),  # its older place
    ("Pod", "eviction"): Action(eviction.STAGES),  # a delete that asks the pod's PodDisruptionBudget first
    ("Pod", "ephemeralcontainers"): _ephemeral_containers,  # containers are added to a pod that runs, nothing else changes (KEP-277)
    ("Pod", "resize"): _resize,  # cpu and memory of a pod that runs change in place (KEP-1287)
    ("Namespace", "finalize"): FinalizeView(),
    ("ServiceAccount", "token"): _token,
    (_CERTIFICATES, "approval"): _approval,  # conditions only; who may approve is a matter of admission (admission.certificates)
    ("Deployment.extensions", "rollback"): Action(rollback.STAGES, creates=False),  # a Deployment of the past is told to go back
    ("Deployment.apps", "rollback"): Action(rollback.STAGES, creates=False),
}


def view_of(target: Target) -> View:
    """Raises StatusError (501) for what is not served."""
    view = _view(target.resource.group_kind, target.subresource)
    if view is None:
        raise not_served(target)
    return view


@cache
def _view(kind: str, subresource: str) -> View | None:
    row = VIEWS.get((kind, subresource)) or VIEWS.get(("*", subresource))
    return row() if callable(row) else row
