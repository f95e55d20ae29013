"""The client of an agent that speaks for many nodes: every write is made as the node it is about.

Simulated nodes share one agent and one process. What they read, they read once for all, as `system:wherry:simulated-nodes`: which node a
ConfigMap is read for cannot be told when pods of several use it. Most of it comes from the informers of the process, which are
kube-controller-manager's. What they write goes through the user of the node (`system:node:NAME`), so the Node authorizer, NodeRestriction,
policies and audit meet it as they meet a kubelet of its own. Whose write it is stands in the object: a Node's and a Lease's name, the node
of a pod, the host of an event. An agent of one real node needs none of this: it is given a client of that node.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from wherry.api.objects import Obj, name, namespace
from wherry.api.options import DEFAULT_DELETE, DEFAULT_WRITE, DeleteOptions, PatchType, WriteOptions
from wherry.api.resources import Resource
from wherry.client.informer import Informer
from wherry.client.protocol import Client, Event, Listing

#: an answer to wait for: that of the chosen client, with nothing in between
_Written = Coroutine[Any, Any, Obj]
#: what is named like its node
_OF_A_NODE = ("nodes", "leases", "csinodes")
#: as many as a recorder remembers to count up
_MOST_EVENTS = 4096


class NodeClients:
    """`reader` reads; `of_node` makes the client of a node; `pods` tells where a pod runs of which only the name is given."""

    def __init__(self, reader: Client, of_node: Callable[[str], Client], pods: Informer) -> None:
        self._reader, self._of_node, self._pods = reader, of_node, pods
        self._clients: dict[str, Client] = {}
        #: the host of each event that was written: who repeats it is who made it
        self._events: dict[tuple[str, str], str] = {}

    def _client(self, node: str) -> Client:
        if not node:
            raise ValueError("it cannot be told which node this request is of")
        found = self._clients.get(node)
        if found is None:
            found = self._clients[node] = self._of_node(node)
        return found

    def _about(self, resource: Resource, namespace: str, named: str) -> Client:
        match resource.plural:
            case "pods":
                pod = self._pods.get(f"{namespace}/{named}")
                return self._client((pod or {"spec": {}})["spec"].get("nodeName", ""))
            case "events":
                return self._client(self._events.get((namespace, named), ""))
            case plural if plural in _OF_A_NODE:
                return self._client(named)
        raise ValueError(f"it cannot be told which node's {resource.group_resource} {named} is")

    def _with(self, resource: Resource, obj: Obj) -> Client:
        match resource.plural:
            case "pods":
                return self._client(obj["spec"].get("nodeName", ""))
            case "events":
                return self._client(obj["source"].get("host", ""))
        return self._about(resource, namespace(obj), name(obj))

    def _of_token(self, namespace: str, obj: Obj) -> Client:
        """A token is asked for in the name of the node whose pod it is bound to."""
        pod = self._pods.get(f"{namespace}/{(obj['spec'].get('boundObjectRef') or {}).get('name', '')}")
        return self._client((pod or {"spec": {}})["spec"].get("nodeName", ""))

    def get(self, resource: Resource, namespace: str, name: str, *, subresource: str = "") -> _Written:
        client = self._client(name) if resource.plural in _OF_A_NODE else self._reader
        return client.get(resource, namespace, name, subresource=subresource)

    async def list(self, resource: Resource, namespace: str = "", **options: Any) -> Listing:
        return await self._reader.list(resource, namespace, **options)

    def create(
        self, resource: Resource, namespace: str, obj: Obj, *, name: str = "", subresource: str = "", options: WriteOptions = DEFAULT_WRITE
    ) -> _Written:
        if resource.plural == "events":
            self._remember(namespace, obj)
        client = self._of_token(namespace, obj) if subresource == "token" else self._with(resource, obj)
        return client.create(resource, namespace, obj, name=name, subresource=subresource, options=options)

    def update(self, resource: Resource, obj: Obj, *, subresource: str = "", options: WriteOptions = DEFAULT_WRITE) -> _Written:
        return self._with(resource, obj).update(resource, obj, subresource=subresource, options=options)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Any,
        patch_type: PatchType,
        *,
        subresource: str = "",
        options: WriteOptions = DEFAULT_WRITE,
    ) -> _Written:
        client = self._about(resource, namespace, name)
        return client.patch(resource, namespace, name, patch, patch_type, subresource=subresource, options=options)

    def delete(self, resource: Resource, namespace: str, name: str, options: DeleteOptions = DEFAULT_DELETE) -> _Written:
        return self._about(resource, namespace, name).delete(resource, namespace, name, options)

    async def delete_collection(self, resource: Resource, namespace: str, **options: Any) -> None:
        raise NotImplementedError("a node deletes no collections")

    def watch(self, resource: Resource, namespace: str = "", **options: Any) -> AsyncIterator[Sequence[Event]]:
        return self._reader.watch(resource, namespace, **options)

    def _remember(self, namespace: str, event: Obj) -> None:
        self._events[namespace, event["metadata"]["name"]] = event["source"].get("host", "")
        if len(self._events) > _MOST_EVENTS:
            del self._events[next(iter(self._events))]
