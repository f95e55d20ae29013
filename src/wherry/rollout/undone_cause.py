"""The change-cause of a revision that came back: it belongs to the revision. On the workload every later release would inherit it.

Called by the guard and by steps after an undo. A Deployment's controller copies the cause from the Deployment to its ReplicaSet; once it is
there it is taken off the Deployment again.
"""

from __future__ import annotations

import asyncio

from wherry.api.objects import annotations_of
from wherry.api.options import JSON_PATCH, MERGE_PATCH, WriteOptions
from wherry.client.protocol import Client
from wherry.rollout.changes import CAUSE
from wherry.rollout.targets import CONTROLLER_REVISIONS, DEPLOYMENTS, REPLICA_SETS, Named

#: how often, and how many seconds apart, is looked whether the controller has written the cause down
_LOOKS, _LOOK = 50, 0.1


async def keep_cause(client: Client, target: Named, namespace: str, revision: str, cause: str, manager: str) -> None:
    """`revision`: the name of its ReplicaSet or ControllerRevision. Raises StatusError."""
    if target.resource is not DEPLOYMENTS:
        patch = {"metadata": {"annotations": {CAUSE: cause}}}
        await client.patch(CONTROLLER_REVISIONS, namespace, revision, patch, MERGE_PATCH)
        return
    for _ in range(_LOOKS):
        if annotations_of(await client.get(REPLICA_SETS, namespace, revision)).get(CAUSE) == cause:
            break
        await asyncio.sleep(_LOOK)
    path = f"/metadata/annotations/{CAUSE.replace('/', '~1')}"
    gone = [{"op": "test", "path": path, "value": cause}, {"op": "remove", "path": path}]
    await client.patch(DEPLOYMENTS, namespace, target.name, gone, JSON_PATCH, options=WriteOptions(field_manager=manager))
