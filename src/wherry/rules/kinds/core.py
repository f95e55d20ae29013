"""Strategies of the core kinds that are neither workloads, events nor volumes.

Read by the registry through `STRATEGIES`. Namespace, Node, Service, Endpoints, ConfigMap, Secret, ServiceAccount, LimitRange,
ResourceQuota. Not validated: ServiceAccount has no rules of its own in the reference either.
Source: pkg/registry/core/*/strategy.go.
"""

from __future__ import annotations

from wherry.api.field import Errors, invalid
from wherry.api.objects import Obj
from wherry.rules.networking.services.preparation import drop_type_dependent
from wherry.rules.objects.names import qualified_name
from wherry.rules.objects.strategy import Strategy, keep_status
from wherry.rules.schema.defaults.core import (
    default_endpoints,
    default_limit_range,
    default_namespace,
    default_node,
    default_resource_quota,
    default_secret,
)
from wherry.rules.schema.defaults.service import default_service
from wherry.rules.schema.validation import config, endpoints, node, quota
from wherry.rules.schema.validation.labels import annotations_of
from wherry.rules.schema.validation.metadata import kube_finalizer
from wherry.rules.schema.validation.service import load_balancer_status, validate_service, validate_service_update
from wherry.rules.schema.validation.service_warnings import service_warnings

_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"


def _new_namespace(draft: Obj) -> None:
    draft["status"] = {"phase": "Active"}
    spec = draft.setdefault("spec", {})
    finalizers = spec.get("finalizers") or []
    if "kubernetes" not in finalizers:
        spec["finalizers"] = [*finalizers, "kubernetes"]


def _label_namespace(draft: Obj) -> None:
    """A generated name was not known when defaults were filled in."""
    default_namespace(draft)


def _update_namespace(draft: Obj, old: Obj) -> None:
    """Finalizers change through `/finalize`, the phase through `/status`."""
    finalizers = (old.get("spec") or {}).get("finalizers")
    draft["spec"] = {**(draft.get("spec") or {}), "finalizers": finalizers} if finalizers else {}
    keep_status(draft, old)


def _terminating(namespace: Obj) -> Obj:
    """While its content goes a namespace has no grace period (pkg/registry/core/namespace/storage Delete)."""
    meta = namespace["metadata"]
    if (namespace.get("spec") or {}).get("finalizers"):
        meta = {k: v for k, v in meta.items() if k != "deletionGracePeriodSeconds"}
    return {**namespace, "metadata": meta, "status": {**(namespace.get("status") or {}), "phase": "Terminating"}}


def finalize_namespace(draft: Obj, old: Obj) -> None:
    """Before a write of `/finalize`, which changes only spec.finalizers."""
    keep_status(draft, old)


def namespace_finalizers(obj: Obj) -> Errors:
    errors: Errors = []
    for name in (obj.get("spec") or {}).get("finalizers") or ():
        errors += [invalid("spec.finalizers", name, m) for m in qualified_name(name)] + kube_finalizer(name, "spec.finalizers")
    return errors


def _namespace_phase(new: Obj, old: Obj) -> Errors:
    phase = (new.get("status") or {}).get("phase", "")
    deleting = bool(new["metadata"].get("deletionTimestamp"))
    if deleting:
        text = "may only be 'Terminating' if `deletionTimestamp` is not empty"
        return [] if phase == "Terminating" else [invalid("status.Phase", phase, text)]
    return [] if phase == "Active" else [invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")]


def _new_node(draft: Obj) -> None:
    (draft.get("spec") or {}).pop("configSource", None)
    (draft.get("status") or {}).pop("config", None)


def _update_node(draft: Obj, old: Obj) -> None:
    keep_status(draft, old)
    if (old.get("spec") or {}).get("configSource") is None:
        (draft.get("spec") or {}).pop("configSource", None)


def _new_service(draft: Obj) -> None:
    draft["status"] = {"loadBalancer": {}}


def _update_secret(draft: Obj, old: Obj) -> None:
    if not draft.get("type"):
        draft["type"] = old.get("type", "Opaque")


def _account(draft: Obj) -> None:
    """References to secrets keep nothing but the name."""
    if secrets := draft.get("secrets"):
        draft["secrets"] = [{"name": s["name"]} if s.get("name") else {} for s in secrets]


def _update_account(draft: Obj, old: Obj) -> None:
    _account(draft)


def _account_warnings(new: Obj, old: Obj | None) -> list[str]:
    if _MOUNTABLE not in annotations_of(new) or (old is not None and _MOUNTABLE in annotations_of(old)):
        return []
    text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{_MOUNTABLE}]: {text}"]


def _new_quota(draft: Obj) -> None:
    draft["status"] = {}


def _name_limits(draft: Obj) -> None:
    """A LimitRange without a name is called by its uid."""
    meta = draft["metadata"]
    if not meta.get("name"):
        meta["name"] = meta["uid"]


def _quota_status(new: Obj, old: Obj) -> Errors:
    return quota.quota_status(new)


STRATEGIES: dict[str, Strategy] = {
    "Namespace": Strategy(
        revalidate="before",
        default=default_namespace,
        prepare_create=_new_namespace,
        prepare_update=_update_namespace,
        canonicalize=_label_namespace,
        validate=namespace_finalizers,
        validate_status=_namespace_phase,
        name_rule="label",
        delete_returns_object=True,
        holds=lambda o: bool((o.get("spec") or {}).get("finalizers")),
        marked=_terminating,
        fields={"status.phase": lambda o: (o.get("status") or {}).get("phase", "")},
    ),
    "Node": Strategy(
        revalidate="before",
        default=default_node,
        prepare_create=_new_node,
        prepare_update=_update_node,
        validate=node.validate_node,
        validate_update=node.validate_node_update,
        validate_status=node.validate_node_update,
        warnings=node.node_warnings,
        fields={"spec.unschedulable": lambda o: "true" if (o.get("spec") or {}).get("unschedulable") else "false"},
    ),
    "Service": Strategy(
        default=default_service,
        prepare_create=_new_service,
        prepare_update=drop_type_dependent,
        validate=validate_service,
        validate_update=validate_service_update,
        validate_status=load_balancer_status,
        warnings=service_warnings,
        name_rule="label",
        create_on_update=True,
        delete_returns_object=True,
        fields={
            "spec.clusterIP": lambda o: (o.get("spec") or {}).get("clusterIP", ""),
            "spec.type": lambda o: (o.get("spec") or {}).get("type", ""),
        },
    ),
    "Endpoints": Strategy(
        default=default_endpoints,
        validate=endpoints.validate_endpoints,
        revalidate="metadata",
        validate_update=endpoints.validate_endpoints_update,
        warnings=endpoints.endpoints_warnings,
        create_on_update=True,
    ),
    "ConfigMap": Strategy(
        validate=config.validate_config_map, validate_update=config.validate_config_map_update, revalidate="after"
    ),
    "Secret": Strategy(
        revalidate="after",
        default=default_secret,
        prepare_update=_update_secret,
        validate=config.validate_secret,
        validate_update=config.validate_secret_update,
        warnings=config.secret_warnings,
        fields={"type": lambda o: o.get("type", "")},
    ),
    "ServiceAccount": Strategy(
        revalidate="after",
        prepare_create=_account, prepare_update=_update_account, warnings=_account_warnings, delete_returns_object=True
    ),
    "LimitRange": Strategy(
        default=default_limit_range,
        prepare_create=_name_limits,
        validate=quota.validate_limit_range,
        revalidate="instead",
        create_on_update=True,
    ),
    "ResourceQuota": Strategy(
        default=default_resource_quota,
        prepare_create=_new_quota,
        prepare_update=keep_status,
        validate=quota.validate_quota,
        validate_update=quota.validate_quota_update,
        validate_status=_quota_status,
        warnings=quota.quota_warnings,
        delete_returns_object=True,
    ),
}
