"""The request to go back to a revision of a Deployment, and what becomes of it: an annotation that the controller acts upon.

Called by the rollback subresource. Source: pkg/registry/apps/deployment/storage (RollbackREST) and pkg/apis/apps/validation
ValidateDeploymentRollback of Kubernetes v1.15.
"""

from __future__ import annotations

from wherry.api.field import Errors, invalid, required
from wherry.api.objects import Obj
from wherry.rules.objects.names import qualified_name
from wherry.rules.schema.defaults.workloads import ROLLBACK_TO
from wherry.rules.schema.validation.metadata import NOT_NEGATIVE


def validate_rollback(rollback: Obj) -> Errors:
    path = "updatedAnnotations"
    errors: Errors = [
        invalid(path, key, message) for key in rollback.get("updatedAnnotations") or () for message in qualified_name(key.lower())
    ]
    if not rollback.get("name"):
        errors.append(required("name", "name is required"))
    revision = (rollback.get("rollbackTo") or {}).get("revision", 0)
    if revision < 0:
        errors.append(invalid("rollback.version", revision, NOT_NEGATIVE))
    return errors


def rolled(deployment: Obj, rollback: Obj) -> Obj:
    """The stored Deployment that asks its controller to go back; its resourceVersion is no precondition."""
    revision = (rollback.get("rollbackTo") or {}).get("revision", 0)
    meta = deployment["metadata"]
    notes = {**(meta.get("annotations") or {}), **(rollback.get("updatedAnnotations") or {}), ROLLBACK_TO: str(revision)}
    return {**deployment, "metadata": {**meta, "annotations": notes, "resourceVersion": ""}}
