"""How messages show parts of a pod spec: with the names and the order of the reference's own types.

Called by the rules of pod specs, only for a value that is refused.
Source: k8s.io/apimachinery/pkg/util/validation/field Error.ErrorBody, pkg/apis/core/types.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wherry.api.errors import Cause
from wherry.api.objects import Obj
from wherry.rules.texts.go_structs.internal_pod import internal_spec
from wherry.rules.texts.go_values import in_given_order

#: the kinds of containers, in the order in which the reference visits them
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def _invalid(path: str, held: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {in_given_order(held)}: {detail}", path)


def invalid_context(path: str, context: Obj, detail: str) -> Cause:
    """A container's security context."""
    held = internal_spec({"containers": [{"securityContext": context}]})
    return _invalid(path, held["Containers"][0]["SecurityContext"], detail)


def invalid_profile(path: str, profile: Obj, detail: str) -> Cause:
    """A seccomp profile."""
    return _invalid(path, {"Type": profile.get("type", ""), "LocalhostProfile": profile.get("localhostProfile")}, detail)


def invalid_claim(path: str, claim: Obj, detail: str) -> Cause:
    """An entry of `resourceClaims`."""
    return _invalid(path, internal_spec({"resourceClaims": [claim]})["ResourceClaims"][0], detail)


def containers(spec: Obj, path: str) -> Iterator[tuple[Obj, str]]:
    """Every container with its path."""
    for kind in CONTAINERS:
        for i, container in enumerate(spec.get(kind) or ()):
            yield container, f"{path}.{kind}[{i}]"
