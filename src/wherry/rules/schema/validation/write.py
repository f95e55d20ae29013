"""All errors of a write: those of metadata and those of the kind, in the order and as often as the reference reports them.

Called by the registry instead of `Strategy.validate*`. On an update the reference looks at metadata once for every resource and once
more in the kind's own rule, so a metadata error is a cause twice or three times (the message names it once).
Source: k8s.io/apiserver/pkg/registry/rest BeforeCreate, BeforeUpdate.
"""

from __future__ import annotations

from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.rules.objects.strategy import Strategy
from wherry.rules.schema.validation.metadata import kube_finalizers, validate_metadata, validate_metadata_update

#: rules for names that let nothing through that does not fit into a path
_FIT_INTO_PATHS = ("subdomain", "label", "label1035", "path", "ip")


def create_errors(strategy: Strategy, obj: Obj, *, namespaced: bool) -> Errors:
    """What is wrong with a new object: what its kind says of it, and only then what holds for every kind."""
    errors = _whole(strategy, obj, namespaced)
    if errors or (strategy.metadata != "none" and strategy.name_rule in _FIT_INTO_PATHS):
        return errors
    return _generic(obj, namespaced)


def update_errors(strategy: Strategy, new: Obj, old: Obj, *, namespaced: bool) -> Errors:
    """What is wrong with an update of the main resource."""
    changed = validate_metadata_update(new, old)
    errors = _generic(new, namespaced) + changed
    own = [] if strategy.metadata == "none" else changed + _kube_finalizers(strategy, new)
    if strategy.revalidate == "metadata":
        own = own + _metadata(strategy, new, namespaced)
    own = own + strategy.validate_update(new, old)
    if strategy.revalidate in ("no", "metadata"):
        return errors + own
    whole = _whole(strategy, new, namespaced)
    if strategy.revalidate == "after":
        return errors + own + whole
    if strategy.revalidate == "before":
        return errors + whole + own
    return errors + whole * (1 + (strategy.revalidate == "twice")) + strategy.validate_update(new, old)


def status_errors(strategy: Strategy, new: Obj, old: Obj, *, namespaced: bool) -> Errors:
    """What is wrong with an update of `/status`."""
    changed = validate_metadata_update(new, old)
    own = [] if strategy.metadata == "none" else changed + _kube_finalizers(strategy, new)
    return _generic(new, namespaced) + changed + own + strategy.validate_status(new, old)


def _whole(strategy: Strategy, obj: Obj, namespaced: bool) -> Errors:
    return _metadata(strategy, obj, namespaced) + strategy.validate(obj)


def _metadata(strategy: Strategy, obj: Obj, namespaced: bool) -> Errors:
    if strategy.metadata == "none":
        return []
    rule = strategy.name_of(obj) if strategy.name_of is not None else strategy.name_rule
    return validate_metadata(obj, namespaced=namespaced, name_rule=rule, kube_finalizers=strategy.metadata == "kube")


def _generic(obj: Obj, namespaced: bool) -> Errors:
    return validate_metadata(obj, namespaced=namespaced, name_rule="path", kube_finalizers=False)


def _kube_finalizers(strategy: Strategy, obj: Obj) -> Errors:
    names = obj["metadata"].get("finalizers")
    return kube_finalizers(names, "metadata.finalizers") if names and strategy.metadata == "kube" else []
