"""A world read from an API server: the workload with its revisions and pods, nodes and what takes their room, budgets and quotas.

Only reads, on any `Client`. What may not be read is left out and said in the notes: a rehearsal by somebody who sees one namespace is
still worth something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from wherry.api.errors import Forbidden, NotFound, StatusError
from wherry.api.objects import Obj, is_controlled_by, is_deleting, name, uid
from wherry.api.resources import Resource, resource
from wherry.client.protocol import Client
from wherry.rehearse import prepare
from wherry.rehearse.world import Held, World
from wherry.rollout.revisions import typed
from wherry.rollout.targets import CONTROLLER_REVISIONS, DEPLOYMENTS, PODS, REPLICA_SETS, Named, parse, require
from wherry.rules.objects import selectors

NODES, NAMESPACES, ACCOUNTS = resource("nodes"), resource("namespaces"), resource("serviceaccounts")
BUDGETS, CLASSES = resource("poddisruptionbudgets", "policy"), resource("priorityclasses", "scheduling.k8s.io")
#: read whole from the workload's namespace, with the words for what is missed without them
_BESIDE = (
    (BUDGETS, "PodDisruptionBudgets"),
    (resource("resourcequotas"), "ResourceQuotas"),
    (resource("limitranges"), "LimitRanges"),
)
_PAGE = 500
_RUNNING = "status.phase!=Succeeded,status.phase!=Failed"


@dataclass(slots=True)
class _Reading:
    client: Client
    namespace: str
    notes: list[str] = field(default_factory=list)

    async def all(self, row: Resource, namespace: str, missed: str, *, labels: str = "", fields: str = "") -> list[Obj] | None:
        """Page by page; None, with a note, for what may not be read."""
        found: list[Obj] = []
        token = ""
        while True:
            try:
                page = await self.client.list(
                    row, namespace, label_selector=labels, field_selector=fields, limit=_PAGE, continue_token=token
                )
            except (Forbidden, NotFound) as error:
                self.notes.append(f"{missed} ({error.message})")
                return None
            found += [typed(row, item) for item in page.items]
            token = page.continue_token
            if not token:
                return found

    async def one(self, row: Resource, namespace: str, name: str, otherwise: Obj) -> Obj:
        try:
            return typed(row, await self.client.get(row, namespace, name))
        except StatusError:
            return otherwise


async def read(client: Client, target: str | Named, namespace: str = "default", *, wanted: Obj | None = None) -> World:
    """Raises StatusError when the workload cannot be read, Unsupported for a kind without rollouts. `wanted`: a manifest of it."""
    named = parse(target) if isinstance(target, str) else target
    require(named.resource, "history", "history viewer")
    reading = _Reading(client, namespace)
    workload = typed(named.resource, await client.get(named.resource, namespace, named.name))
    labels = str(selectors.from_label_selector(workload["spec"]["selector"]))
    revisions = REPLICA_SETS if named.resource is DEPLOYMENTS else CONTROLLER_REVISIONS
    nodes, pods, kept, classes, *beside = await asyncio.gather(
        reading.all(NODES, "", "nodes may not be read: those in use are taken to have room"),
        _pods(reading, namespace, labels),
        reading.all(revisions, namespace, f"{revisions.plural} may not be read", labels=labels),
        reading.all(CLASSES, "", "PriorityClasses may not be read: they are taken as they stand in the pods"),
        *(reading.all(row, namespace, f"{words} may not be read: the rehearsal goes without") for row, words in _BESIDE),
    )
    owned = [o for o in kept or () if is_controlled_by(o, workload)]
    own, others = _split(pods or (), {uid(workload), *map(uid, owned)})
    accounts = await asyncio.gather(
        *(reading.one(ACCOUNTS, namespace, n, prepare.account(n, namespace)) for n in sorted(_accounts(workload, wanted)))
    )
    held = [Held(NAMESPACES, await reading.one(NAMESPACES, "", namespace, prepare.namespace(namespace)))]
    held += await _other_namespaces(reading, workload, wanted)
    held += [Held(ACCOUNTS, prepare.held(a)) for a in accounts]
    held += [Held(CLASSES, prepare.held(c)) for c in _priority_classes(classes, [*own, workload])]
    held += [Held(row, prepare.held(o)) for (row, _), found in zip(_BESIDE, beside, strict=True) for o in found or ()]
    held += [Held(named.resource, prepare.held(workload))]
    held += [Held(revisions, prepare.held(o, owned=True)) for o in owned]
    held += [Held(PODS, prepare.held(pod, owned=True)) for pod in own]
    if nodes is None:
        nodes = _guessed_nodes([*own, *others])
    uids = {name(node): uid(node) for node in nodes}
    held += [Held(PODS, prepare.standing(pod, uids)) for pod in others if pod["spec"]["nodeName"] in uids]
    return World(
        named,
        namespace,
        workload,
        tuple(nodes),
        tuple(held),
        standing=frozenset(map(uid, others)),
        own_pods=tuple(own),
        missing=prepare.missing_images(own),
        wanted=wanted,
        notes=tuple(reading.notes),
    )


async def _pods(reading: _Reading, namespace: str, labels: str) -> list[Obj]:
    """All that take room; at least the workload's own."""
    missed = "pods of other namespaces may not be read: the room they take counts as free"
    found = await reading.all(PODS, "", missed, fields=_RUNNING)
    if found is None:
        found = await reading.all(PODS, namespace, "pods may not be read", fields=_RUNNING)
    return [pod for pod in found or () if not prepare.is_over(pod)]


def _split(pods: Sequence[Obj], owners: set[str]) -> tuple[list[Obj], list[Obj]]:
    """(the workload's own, those of others that are on a node)."""
    own: list[Obj] = []
    others: list[Obj] = []
    for pod in pods:
        if any(ref.get("uid") in owners for ref in pod["metadata"].get("ownerReferences") or ()):
            own.append(pod)
        elif pod["spec"].get("nodeName") and not is_deleting(pod):
            others.append(pod)
    return own, others


def _accounts(workload: Obj, wanted: Obj | None) -> set[str]:
    specs = [w["spec"]["template"]["spec"] for w in (workload, wanted) if w is not None]
    return {"default", *(spec.get("serviceAccountName") or "default" for spec in specs)}


async def _other_namespaces(reading: _Reading, workload: Obj, wanted: Obj | None) -> list[Held]:
    """Only where the affinity of the pods asks for namespaces by their labels."""
    if not any("namespaceSelector" in str(w["spec"]["template"]["spec"].get("affinity")) for w in (workload, wanted) if w is not None):
        return []
    found = await reading.all(NAMESPACES, "", "namespaces may not be read: none is taken to match a namespaceSelector")
    return [Held(NAMESPACES, prepare.held(o)) for o in found or () if name(o) != reading.namespace]


def _priority_classes(found: list[Obj] | None, users: Sequence[Obj]) -> list[Obj]:
    """Those of the server; when they may not be read, those that the pods tell of."""
    if found is not None:
        return found
    known: dict[str, Obj] = {}
    for user in users:
        spec = user["spec"].get("template", user)["spec"]
        if spec.get("priorityClassName"):
            value = spec.get("priority", known.get(spec["priorityClassName"], {}).get("value", 0))
            known[spec["priorityClassName"]] = {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "value": value,
                "metadata": {"name": spec["priorityClassName"]},
            }
    return list(known.values())


def _guessed_nodes(pods: Sequence[Obj]) -> list[Obj]:
    from wherry.rehearse.manifests import roomy_node

    return [roomy_node(node) for node in sorted({pod["spec"].get("nodeName") or "node-0" for pod in pods} or {"node-0"})]
