"""The Node authorizer: a node may read what the pods bound to it use, and write what is its own.

Asked for everybody before roles are, and without an opinion about users who are no nodes. What belongs to a node is looked up in the store
when it is asked for: nodes of this process do not ask, they write through their own client.
Source: https://kubernetes.io/docs/reference/access-authn-authz/node/; plugin/pkg/auth/authorizer/node/node_authorizer.go, graph.go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.registry.rbac.data import node_rules
from wherry.rules.access.rbac import nodes
from wherry.rules.access.rbac.nodes import Reference, Related
from wherry.rules.access.rbac.request import ALLOWED, NO_OPINION, Attributes, Decision, quoted
from wherry.rules.access.rbac.rule import Rule, allows
from wherry.store.protocol import Store

_NOTHING: Obj = {"resourceRules": [], "nonResourceRules": [], "incomplete": False}
_UNKNOWN = {"incomplete": True, "evaluationError": "node authorizer does not support user rule resolution"}


class Nodes:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: tuple[Rule, ...] = ()

    async def rules(self, user: User, namespace: str) -> Obj:
        return _NOTHING if nodes.node_of(user) is None else {**_NOTHING, **_UNKNOWN}

    async def decide(self, user: User, asked: Attributes) -> Decision:
        node = nodes.node_of(user)
        if node is None:
            return NO_OPINION
        if not node:
            return Decision(False, f"unknown node for user {quoted(user.name)}")
        verdict = nodes.judge(node, asked)
        if verdict is None:
            self._rules = self._rules or node_rules()
            return ALLOWED if any(allows(rule, asked) for rule in self._rules) else NO_OPINION
        if isinstance(verdict, Related):
            return ALLOWED if await self._is_related(node, asked) else nodes.unrelated(node)
        return verdict

    async def _is_related(self, node: str, asked: Attributes) -> bool:
        match asked.resource:
            case "persistentvolumes":
                return await self._has_volume(node, await self._object(f"persistentvolumes/{asked.name}"))
            case "volumeattachments":
                found = await self._object(f"volumeattachments.storage.k8s.io/{asked.name}")
                return ((found or {}).get("spec") or {}).get("nodeName") == node
            case "resourceslices":
                found = await self._object(f"resourceslices.resource.k8s.io/{asked.name}")
                return ((found or {}).get("spec") or {}).get("nodeName") == node
        if await self._uses(node, asked.namespace, Reference(asked.resource, asked.name)):
            return True
        return asked.resource == "secrets" and await self._of_volumes(node, asked.namespace, asked.name)

    async def _uses(self, node: str, namespace: str, wanted: Reference) -> bool:
        """Whether a pod there that is bound to the node uses it."""
        async for pod in self._objects(f"pods/{namespace}/"):
            if (pod.get("spec") or {}).get("nodeName") == node and wanted in nodes.references(pod):
                return True
        return False

    async def _has_volume(self, node: str, volume: Obj | None) -> bool:
        """Whether the claim that the volume is bound to is used on the node."""
        ref = ((volume or {}).get("spec") or {}).get("claimRef") or {}
        if not ref.get("name"):
            return False
        return await self._uses(node, ref.get("namespace", ""), Reference("persistentvolumeclaims", ref["name"]))

    async def _of_volumes(self, node: str, namespace: str, secret: str) -> bool:
        """Whether a volume that is used on the node names the Secret."""
        async for volume in self._objects("persistentvolumes/"):
            space = ((volume.get("spec") or {}).get("claimRef") or {}).get("namespace", "")
            if space == namespace and secret in nodes.named(volume.get("spec"), "secrets") and await self._has_volume(node, volume):
                return True
        return False

    async def _object(self, key: str) -> Obj | None:
        record = await self._store.get(key)
        return record.object() if record is not None else None

    async def _objects(self, prefix: str) -> AsyncIterator[Obj]:
        for record in (await self._store.range(prefix)).records:
            yield record.object()
