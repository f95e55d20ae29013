"""What a viewer may do with one workload, asked of the cluster before a button is shown (SelfSubjectAccessReview).

Called by `api`. A server that cannot be asked is told as such, and the button stays: the cluster refuses by itself then.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.rollout.targets import Named

_REVIEWS = resource("selfsubjectaccessreviews", "authorization.k8s.io")


class Right(NamedTuple):
    """`why`: what the cluster says, "" when it says nothing."""

    allowed: bool
    why: str


async def rights(client: Client, target: Named, namespace: str) -> dict[str, Right]:
    """By what is done: `undo`, `pause`, ..., `logs`, `exec`."""
    change = _asked(target, namespace, "patch")
    pods = {"group": "", "resource": "pods", "namespace": namespace}
    asked = {
        "change": change,
        "scale": {**change, "subresource": "scale"},
        "logs": {**pods, "verb": "get", "subresource": "log"},
        "exec": {**pods, "verb": "create", "subresource": "exec"},
    }
    answers = dict(zip(asked, await asyncio.gather(*(_ask(client, each) for each in asked.values())), strict=True))
    changing = answers.pop("change")
    return {**dict.fromkeys(("undo", "pause", "resume", "restart", "image"), changing), **answers}


def _asked(target: Named, namespace: str, verb: str) -> Obj:
    return {"group": target.resource.group, "resource": target.resource.plural, "namespace": namespace, "name": target.name, "verb": verb}


async def _ask(client: Client, attributes: Obj) -> Right:
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
    try:
        status = (await client.create(_REVIEWS, "", review)).get("status") or {}
    except StatusError as error:
        return Right(True, str(error))
    return Right(bool(status.get("allowed")), str(status.get("reason") or ""))
