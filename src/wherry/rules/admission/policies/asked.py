"""One write as policies and webhooks see it: the AdmissionRequest without a uid, and the objects beside it.

Made by the admission plug-ins from the chain's request; read by matching, by CEL expressions (`request`) and by AdmissionReviews.
Source: k8s.io/api/admission/v1 types.go (AdmissionRequest), apiserver/pkg/admission/plugin/cel/condition.go (CreateAdmissionRequest).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions, User, WriteOptions
from wherry.api.resources import SUBRESOURCE_KINDS, Resource, connect_kind


@dataclass(frozen=True, slots=True)
class Asked:
    """`resource` is the version the client spoke; `obj` and `old` are None where the operation has none."""

    operation: str
    resource: Resource
    subresource: str
    namespace: str
    name: str
    obj: Obj | None
    old: Obj | None
    user: User
    dry_run: bool
    options: Any = None

    @property
    def where(self) -> str:
        """The namespace it is about: of a Namespace, itself."""
        return self.name if self.resource.group_resource == "namespaces" else self.namespace


def request(asked: Asked, seen: Resource) -> Obj:
    """The AdmissionRequest; `seen` is the version in which the policy or webhook sees the object."""
    made: dict[str, Any] = {
        "kind": _kind(seen, asked.subresource),
        "resource": {"group": seen.group, "version": seen.version, "resource": seen.plural},
        "requestKind": _kind(asked.resource, asked.subresource),
        "requestResource": {"group": asked.resource.group, "version": asked.resource.version, "resource": asked.resource.plural},
        "operation": asked.operation,
        "userInfo": user_info(asked.user),
        "dryRun": asked.dry_run,
        "options": _options(asked),
    }
    if asked.subresource:
        made["subResource"] = made["requestSubResource"] = asked.subresource
    if asked.name:
        made["name"] = asked.name
    if asked.where:
        made["namespace"] = asked.where
    return made


def _kind(row: Resource, subresource: str) -> Mapping[str, str]:
    if connection := connect_kind(row, subresource):
        return {"group": "", "version": "v1", "kind": connection}
    group, version, kind = SUBRESOURCE_KINDS.get(subresource, (row.group, row.version, row.kind))
    return {"group": group, "version": version, "kind": kind}


def user_info(user: User) -> Obj:
    made: Obj = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    if user.extra:
        made["extra"] = {key: list(values) for key, values in user.extra}
    return {key: value for key, value in made.items() if value}


def _options(asked: Asked) -> Obj:
    kind = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}.get(asked.operation, "")
    made: Obj = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    given = asked.options
    if asked.dry_run:
        made["dryRun"] = ["All"]
    if isinstance(given, WriteOptions):
        if given.field_manager:
            made["fieldManager"] = given.field_manager
        if given.field_validation:
            made["fieldValidation"] = given.field_validation
    elif isinstance(given, DeleteOptions):
        if given.grace_period_seconds is not None:
            made["gracePeriodSeconds"] = given.grace_period_seconds
        if given.propagation_policy:
            made["propagationPolicy"] = given.propagation_policy
        if given.uid or given.resource_version:
            made["preconditions"] = {k: v for k, v in (("uid", given.uid), ("resourceVersion", given.resource_version)) if v}
    return made
