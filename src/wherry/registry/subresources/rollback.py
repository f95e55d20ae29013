"""The rollback subresource of Deployments of the past: asks the controller to go back to a revision.

The controller carries it out and tells in events how it went. The answer says success (the old server said failure, with code 200).
Source: pkg/registry/apps/deployment/storage (RollbackREST) of Kubernetes v1.15. Rules: `wherry.rules.kinds.legacy`.
"""

from __future__ import annotations

from typing import cast

from wherry.api import errors
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.registry.encode import transient
from wherry.registry.results import RawBody
from wherry.registry.subresources.action import success
from wherry.registry.verbs.inside import change_object
from wherry.registry.verbs.write import Stage, Write
from wherry.rules.kinds import legacy
from wherry.rules.schema import decode


def decode_rollback(write: Write) -> None:
    """Raises BadRequest."""
    row, body = write.row, write.body
    parsed = decode.parse(body.content, body.content_type) if isinstance(body, RawBody) else decode.Parsed(cast("Obj", body))
    schema = f"io.k8s.api.{row.group}.{row.version}.DeploymentRollback"
    write.draft = decode.decode_into(schema, row.api_version, "DeploymentRollback", parsed, write.options.field_validation).obj


def check(write: Write) -> None:
    """Raises Invalid, BadRequest."""
    if found := legacy.validate_rollback(write.draft):
        raise errors.invalid("DeploymentRollback.apps", write.draft.get("name", ""), found)
    if write.draft["name"] != write.target.name:
        raise BadRequest("name in URL does not match name in DeploymentRollback object")


async def ask(write: Write) -> None:
    """The Deployment carries the request from now on. Raises NotFound."""
    target = write.target
    deployment = Target(target.resource, target.namespace, target.name)
    await change_object(write.core, deployment, lambda old: legacy.rolled(old, write.draft), write.options, write.user)
    write.record = transient(success(200, f'rollback request for deployment "{target.name}" succeeded'))


STAGES: tuple[Stage, ...] = (decode_rollback, check, ask)
