"""The rollback subresource of Deployments of the past: asks the controller to go back to a revision.

The controller carries it out and tells in events how it went. The answer says success (the old server said failure, with code 200).
Source: pkg/registry/apps/deployment/storage (RollbackREST) of Kubernetes v1.15. Rules: `wherry.rules.legacy`.
"""

from __future__ import annotations

from wherry.api import errors
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.api.options import Target, User, WriteOptions
from wherry.registry import managers
from wherry.registry.core import Core
from wherry.registry.encode import transient
from wherry.registry.results import Body, RawBody, Written
from wherry.registry.updates import change
from wherry.rules import decode, legacy


async def create(core: Core, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
    """Raises BadRequest, Invalid, NotFound."""
    row = target.resource
    parsed = decode.parse(body.content, body.content_type) if isinstance(body, RawBody) else decode.Parsed(body)
    schema = f"io.k8s.api.{row.group}.{row.version}.DeploymentRollback"
    rollback = decode.decode_into(schema, row.api_version, "DeploymentRollback", parsed, options.field_validation).obj
    if found := legacy.validate_rollback(rollback):
        raise errors.invalid("DeploymentRollback.apps", rollback.get("name", ""), found)
    if rollback["name"] != target.name:
        raise BadRequest("name in URL does not match name in DeploymentRollback object")

    def make(old: Obj) -> tuple[Obj, list[str]]:
        return legacy.rolled(old, rollback), []

    deployment = Target(row, target.namespace, target.name)
    await change(core, deployment, make, options, user, None, managers.by_update)
    return Written(transient(_success(target.name)))


def _success(name: str) -> Obj:
    message = f'rollback request for deployment "{name}" succeeded'
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "message": message, "code": 200}
