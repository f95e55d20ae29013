"""The strategy of a kind: the rules its objects go through on a write (defaulting, preparation, validation).

The registry calls these in the order: default, prepare_create or prepare_update, (admission), validate or validate + validate_update.
A `draft` is a private copy that the rule may change in place; `old` is shared and must not be changed.
Source of the shape: k8s.io/apiserver/pkg/registry/rest RESTCreateStrategy, RESTUpdateStrategy; of each rule: its own module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from wherry.api.field import Errors
from wherry.api.objects import Obj


def _nothing(draft: Obj) -> None:
    """No rule of its own."""


def _nothing_old(draft: Obj, old: Obj) -> None:
    """No rule of its own."""


def _no_errors(obj: Obj) -> Errors:
    return []


def _no_update_errors(new: Obj, old: Obj) -> Errors:
    return []


def _no_warnings(new: Obj, old: Obj | None) -> list[str]:
    return []


def _never(new: Obj, old: Obj) -> bool:
    return False


def _never_holds(obj: Obj) -> bool:
    return False


def _as_it_is(obj: Obj) -> Obj:
    return obj


def keep_status(draft: Obj, old: Obj) -> None:
    """A write of the main resource leaves `.status` as it is."""
    if "status" in old:
        draft["status"] = old["status"]
    else:
        draft.pop("status", None)


def keep_spec(draft: Obj, old: Obj) -> None:
    """A write of `/status` changes `.status` and, of metadata, nothing that the kind's strategy guards; every other field stays."""
    status = draft.get("status")
    for k in [k for k in draft if k not in ("metadata", "apiVersion", "kind")]:
        del draft[k]
    draft.update({k: v for k, v in old.items() if k not in ("metadata", "status", "apiVersion", "kind")})
    if status is not None:
        draft["status"] = status


@dataclass(frozen=True, slots=True)
class Strategy:
    """How objects of one kind are written. Every callable is pure."""

    #: fill in defaults (recursively, pod templates included); applied to what comes in and to old versions read
    default: Callable[[Obj], None] = _nothing
    #: before the first write: reset status (write the kind's initial one), drop what a creator may not set. Generation is the registry's.
    prepare_create: Callable[[Obj], None] = _nothing
    #: before an update of the main resource: keep status and whatever else only the system changes
    prepare_update: Callable[[Obj, Obj], None] = _nothing_old
    #: before an update of the status subresource
    prepare_status: Callable[[Obj, Obj], None] = keep_spec
    #: all errors of a new object, without those of metadata common to every kind (rules.validation.metadata does them)
    validate: Callable[[Obj], Errors] = _no_errors
    #: errors of the change (immutable fields), and of the new object where `revalidate` does not ask for them
    validate_update: Callable[[Obj, Obj], Errors] = _no_update_errors
    validate_status: Callable[[Obj, Obj], Errors] = _no_update_errors
    #: on an update the reference looks at the new object as at a new one: "after" its look at the change, "before" it, "instead" of
    #: looking at the change of metadata once more (volumes: "twice"), at its "metadata" only, or not at all
    revalidate: Literal["after", "before", "instead", "twice", "metadata", "no"] = "no"
    warnings: Callable[[Obj, Obj | None], list[str]] = _no_warnings
    #: metadata.generation is set to 1 on create
    generation: bool = False
    #: and raised when anything but metadata and status changes; None: where it is set
    counts_changes: bool | None = None
    #: whose rule for metadata the kind's own rule asks: "kube" (finalizers without a domain are Kubernetes's own), "plain" (they may be
    #: called anything), "none" (only what holds for every kind)
    metadata: Literal["kube", "plain", "none"] = "kube"
    #: what the reference compares so that an empty list or object differs from none, when it looks whether the generation is to be raised
    tells_empty_from_none: tuple[str, ...] = ()
    #: name rule: "subdomain" (DNS-1123 subdomain), "label" (DNS-1123 label), "label1035", "path" (any path
    #: segment), "any", "long" (a subdomain; generateName is looked at only as a path segment)
    name_rule: str = "subdomain"
    #: the rule where the name depends on the object (APIServices); it is asked for generateName too
    name_of: Callable[[Obj], Callable[[str], list[str]]] | None = None
    #: after validation: what the object gets that is known only then
    canonicalize: Callable[[Obj], None] = _nothing
    #: PUT on a missing object creates it (leases, endpoints, ... as the reference allows)
    create_on_update: bool = False
    #: update without resourceVersion allowed
    unconditional_update: bool = True
    #: default propagation when a delete does not say: "Background" or "Orphan"
    default_propagation: str = "Background"
    #: the delete answer is the object, even when it is gone (pods, namespaces, ...): rest.DeleteOptions semantics of the kind
    delete_returns_object: bool = False
    #: graceful deletion: (object, seconds asked for or None) -> seconds given; None: the kind goes at once
    grace: Callable[[Obj, int | None], int] | None = None
    #: the object stays while this is true, as with a finalizer (Namespaces: spec.finalizers)
    holds: Callable[[Obj], bool] = _never_holds
    #: what else changes when the object is marked as going (Namespaces: phase Terminating); gives a new object
    marked: Callable[[Obj], Obj] = _as_it_is
    #: further conditions, beside a changed spec, that raise the generation (Deployments: annotations)
    raises_generation: Callable[[Obj, Obj], bool] = _never
    #: the kind is one of a CustomResourceDefinition
    custom: bool = False
    #: extra fields that a field selector may name, beside metadata.name and metadata.namespace: path -> value of it as text
    fields: dict[str, Callable[[Obj], str]] = field(default_factory=dict)
    #: what the refusal of another field names besides
    fields_subject: str = ""


PLAIN = Strategy()
