"""All errors of a write: those of metadata and those of the kind, in the order and as often as the reference reports them.

Called by the registry instead of `Strategy.validate*`. On an update the reference looks at metadata once for every resource and once
more in the kind's own rule, so a metadata error is a cause twice or three times (the message names it once).
Source: k8s.io/apiserver/pkg/registry/rest BeforeCreate, BeforeUpdate.
"""

from __future__ import annotations

from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.rules.strategy import Strategy
from wherry.rules.validation.metadata import validate_metadata, validate_metadata_update


def create_errors(strategy: Strategy, obj: Obj, *, namespaced: bool, kube_finalizers: bool = True) -> Errors:
    """What is wrong with a new object. `kube_finalizers` is false for custom objects."""
    meta = validate_metadata(obj, namespaced=namespaced, name_rule=strategy.name_rule, kube_finalizers=kube_finalizers)
    return meta + strategy.validate(obj)


def update_errors(strategy: Strategy, new: Obj, old: Obj, *, namespaced: bool, kube_finalizers: bool = True) -> Errors:
    """What is wrong with an update of the main resource."""
    changed = validate_metadata_update(new, old)
    errors = _common(new, changed, namespaced) + changed + strategy.validate_update(new, old)
    if strategy.revalidate:
        errors += create_errors(strategy, new, namespaced=namespaced, kube_finalizers=kube_finalizers)
    return errors


def status_errors(strategy: Strategy, new: Obj, old: Obj, *, namespaced: bool) -> Errors:
    """What is wrong with an update of `/status`."""
    changed = validate_metadata_update(new, old)
    return _common(new, changed, namespaced) + changed + strategy.validate_status(new, old)


def _common(new: Obj, changed: Errors, namespaced: bool) -> Errors:
    return validate_metadata(new, namespaced=namespaced, name_rule="path", kube_finalizers=False) + changed
