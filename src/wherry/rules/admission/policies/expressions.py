"""The CEL environments of admission, and compiling in them: which names an expression may use, and what it must evaluate to.

Used by policies, by match conditions of webhooks, and by the validation of both, so that an expression that is accepted is one that runs.
Source: k8s.io/apiserver/pkg/admission/plugin/cel/compile.go, composition.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wherry.rules import cel
from wherry.rules.cel.errors import CelError
from wherry.rules.cel.types import BOOL, DYN, INT, NULL, STRING, TIMESTAMP, Type, list_of, map_of, object_type

if TYPE_CHECKING:
    from wherry.rules.cel.environment import Structs
    from wherry.rules.cel.program import Program

_STRINGS = list_of(STRING)
_LABELS = map_of(STRING, STRING)
_KIND = object_type("kubernetes.GroupVersionKind", {"group": STRING, "version": STRING, "kind": STRING})
_RESOURCE = object_type("kubernetes.GroupVersionResource", {"group": STRING, "version": STRING, "resource": STRING})
_USER = object_type("kubernetes.UserInfo", {"username": STRING, "uid": STRING, "groups": _STRINGS, "extra": map_of(STRING, _STRINGS)})
REQUEST = object_type(
    "kubernetes.AdmissionRequest",
    {
        "kind": _KIND, "resource": _RESOURCE, "subResource": STRING, "requestKind": _KIND, "requestResource": _RESOURCE,
        "requestSubResource": STRING, "name": STRING, "namespace": STRING, "operation": STRING, "userInfo": _USER, "dryRun": BOOL,
        "options": DYN,
    },
)  # fmt: skip
_CONDITION = object_type(
    "kubernetes.NamespaceCondition",
    {"status": STRING, "type": STRING, "lastTransitionTime": TIMESTAMP, "message": STRING, "reason": STRING},
)
_METADATA = object_type(
    "kubernetes.NamespaceMetadata",
    {
        "name": STRING, "generateName": STRING, "namespace": STRING, "labels": _LABELS, "annotations": _LABELS, "UID": STRING,
        "creationTimestamp": TIMESTAMP, "deletionGracePeriodSeconds": INT, "deletionTimestamp": TIMESTAMP, "generation": INT,
        "resourceVersion": STRING, "finalizers": _STRINGS,
    },
)  # fmt: skip
NAMESPACE = object_type(
    "kubernetes.Namespace",
    {
        "metadata": _METADATA,
        "spec": object_type("kubernetes.NamespaceSpec", {"finalizers": _STRINGS}),
        "status": object_type("kubernetes.NamespaceStatus", {"conditions": list_of(_CONDITION), "phase": STRING}),
    },
)
_AUTHORIZER, _CHECK = Type("kubernetes.authorization.Authorizer"), Type("kubernetes.authorization.ResourceCheck")
STRING_OR_NULL = (STRING, NULL)


class Refused(CelError):
    """An expression that does not compile, or is of the wrong type; the message is the detail of a field error."""


@dataclass(slots=True)
class Scope:
    """The names of one policy; `variables` grows with each variable that is compiled, None where there are none."""

    params: bool = False
    variables: dict[str, Type] | None = None
    objects: Type = DYN
    names: dict[str, Type] = field(init=False)

    def __post_init__(self) -> None:
        self.names = {"object": self.objects, "oldObject": self.objects, "request": REQUEST, "namespaceObject": NAMESPACE}
        if self.params:
            self.names["params"] = DYN

    def all(self, *, authorizer: bool) -> Mapping[str, Type]:
        made = dict(self.names)
        if self.variables is not None:
            made["variables"] = object_type("kubernetes.variables", self.variables)
        if authorizer:
            made |= {"authorizer": _AUTHORIZER, "authorizer.requestResource": _CHECK}
        return made


def compiled(
    expression: str, scope: Scope, wanted: tuple[Type, ...] = (BOOL,), *, authorizer: bool = True, structs: Structs | None = None
) -> Program:
    """Raises Refused. Without `wanted` any type will do."""
    try:
        program = cel.compile(expression, scope.all(authorizer=authorizer), structs)
    except CelError as error:
        raise Refused(f"compilation failed: {error.message}") from None
    if wanted and program.type not in wanted:
        if len(wanted) == 1:
            raise Refused(f"must evaluate to {_shown(wanted[0])} but got {_shown(program.type)}")
        raise Refused(f"must evaluate to one of [{' '.join(map(_shown, wanted))}] but got {_shown(program.type)}")
    return program


def variable(name: str, expression: str, scope: Scope) -> Program:
    """Compiles a variable, and makes it known to the expressions after it. Raises Refused."""
    assert scope.variables is not None
    try:
        program = compiled(expression, scope, ())
    except Refused:
        scope.variables[name] = DYN
        raise
    scope.variables[name] = program.type
    return program


def _shown(kind: Type) -> str:
    return {"null": "null_type", "timestamp": "google.protobuf.Timestamp", "duration": "google.protobuf.Duration"}.get(str(kind), str(kind))


Bindings = Mapping[str, Any]
