"""Putting an undo back: what makes several undos all or none.

Called by `undo --atomic` after one of several undos was refused although every dry run went well (somebody else was quicker, or admission
changed its mind): those that were done already return to the template they had.
"""

from __future__ import annotations

from wherry.api.objects import Obj, annotations_of
from wherry.api.options import JSON_PATCH
from wherry.client.protocol import Client
from wherry.rollout.revisions import REVISION, read
from wherry.rollout.targets import Named
from wherry.rules.workloads.template_hash import same_template


async def put_back(client: Client, target: Named, namespace: str, before: Obj) -> bool:
    """Give the workload the template and the annotations it had; False when it has that template. Raises StatusError."""
    now = await read(client, target, namespace)
    if same_template(now["spec"]["template"], before["spec"]["template"]):
        return False
    notes = {k: v for k, v in annotations_of(before).items() if k != REVISION}
    notes |= {k: v for k, v in annotations_of(now).items() if k == REVISION}  # its controller's
    patch = [{"op": "test", "path": "/metadata/uid", "value": before["metadata"]["uid"]},
             {"op": "replace", "path": "/spec/template", "value": before["spec"]["template"]},
             {"op": "add", "path": "/metadata/annotations", "value": notes}]
    await client.patch(target.resource, namespace, target.name, patch, JSON_PATCH)
    return True
