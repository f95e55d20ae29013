"""Groups of the Kubernetes community: definitions in them carry an annotation that says who approved the API.

`errors` is called by the validation of definitions, `condition` by the controller that writes their status.
Source: KEP-1111; k8s.io/apiextensions-apiserver/pkg/apihelpers/helpers.go, pkg/controller/apiapproval.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from wherry.api.field import Errors, invalid, key, required
from wherry.api.objects import Obj, annotations_of
from wherry.rules.custom import conditions

ANNOTATION = "api-approved.kubernetes.io"
CONDITION = "KubernetesAPIApprovalPolicyConformant"
_PULL = "see https://github.com/kubernetes/enhancements/pull/1111"
_MUST = f'protected groups must have approval annotation "{ANNOTATION}"'
_COMMUNITY = ("k8s.io", "kubernetes.io")


class _State(NamedTuple):
    """`reason`: of the condition; `message`: of condition and error."""

    reason: str
    message: str


def _state(definition: Obj) -> _State | None:
    """None for a group of somebody else's."""
    group = (definition.get("spec") or {}).get("group") or ""
    if not any(group == each or group.endswith(f".{each}") for each in _COMMUNITY):
        return None
    text = annotations_of(definition).get(ANNOTATION, "")
    if not text:
        return _State("MissingAnnotation", f"{_MUST}, {_PULL}")
    if text.startswith("unapproved"):
        return _State("UnapprovedAnnotation", f'not approved: "{text}"')
    try:
        address = urlsplit(text)
    except ValueError:
        address = urlsplit("")
    if address.scheme and address.netloc:
        return _State("ApprovedAnnotation", f"approved in {text}")
    return _State("InvalidAnnotation", f'{_MUST} with either a URL or a reason starting with "unapproved", {_PULL}')


def errors(definition: Obj, old: Obj | None = None) -> Errors:
    """What was wrong before, in the same way, may stay."""
    state, path = _state(definition), key("metadata.annotations", ANNOTATION)
    before = _state(old) if old is not None else None
    if state is None or (before is not None and before.reason == state.reason):
        return []
    if state.reason == "MissingAnnotation":
        return [required(path, state.message)]
    wrong = state.reason == "InvalidAnnotation"
    return [invalid(path, annotations_of(definition).get(ANNOTATION, ""), state.message)] if wrong else []


def condition(definition: Obj, now: str) -> Obj | None:
    """The status with the condition that tells; None when there is none to tell, or it is told already."""
    state = _state(definition)
    if state is None:
        return None
    told = conditions.make(CONDITION, "True" if state.reason == "ApprovedAnnotation" else "False", state.reason, state.message, now)
    old = conditions.find(definition, CONDITION)
    if old is not None and all(old.get(k) == told[k] for k in ("status", "reason", "message")):
        return None
    status = definition["status"]
    return {**status, "conditions": conditions.put(status.get("conditions"), told)}
