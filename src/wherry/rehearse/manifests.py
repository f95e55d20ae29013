"""A world made of manifests alone: no server is asked. Pure.

Every object is made in a new cluster, the workload is rolled out, and then the play begins. A second manifest of the same workload is
what it changes to. Nodes come from the manifests too, or are made up, with room for everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wherry.api.objects import Obj
from wherry.api.resources import TABLE, resource
from wherry.rehearse import prepare
from wherry.rehearse.world import Held, RehearsalError, World
from wherry.rollout.targets import ROLLED, Named

NODES, NAMESPACES, ACCOUNTS = resource("nodes"), resource("namespaces"), resource("serviceaccounts")
_ROOM = {"cpu": "256", "memory": "1Ti", "ephemeral-storage": "10Ti", "pods": "110"}
_LONG_AGO = "2000-01-01T00:00:00Z"
_READY = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "", "lastHeartbeatTime": _LONG_AGO}
#: what other manifests need is made first
_FIRST = (
    "Namespace",
    "PriorityClass",
    "ServiceAccount",
    "ResourceQuota",
    "LimitRange",
    "ConfigMap",
    "Secret",
    "PodDisruptionBudget",
    "Service",
)


def from_manifests(manifests: Iterable[Obj], target: str | Named | None = None, *, namespace: str = "default", nodes: int = 3) -> World:
    """`target` None: the one workload there is. Raises RehearsalError."""
    held = [_typed(obj, namespace) for obj in manifests]
    named = _target(held, target)
    mine = [h for h in held if h.resource is named.resource and h.object["metadata"].get("name") == named.name]
    if not mine:
        raise RehearsalError(f"no manifest has {named.resource.group_resource} {named.name}")
    if len(mine) > 2:
        raise RehearsalError(
            f"{named.resource.group_resource} {named.name} is there {len(mine)} times: give what it is and what it becomes"
        )
    workload = mine[0].object
    own = str(workload["metadata"].get("namespace") or namespace)
    given = [h.object for h in held if h.resource is NODES]
    made = [h for h in held if h.resource is not NODES and h not in mine[1:]]
    made.sort(key=lambda h: _FIRST.index(h.object["kind"]) if h.object["kind"] in _FIRST else len(_FIRST))
    return World(
        named,
        own,
        workload,
        tuple(_as_node(node) for node in given) or tuple(roomy_node(f"node-{i}") for i in range(nodes)),
        tuple(_ground(made)),
        tuple(made),
        wanted=mine[1].object if len(mine) == 2 else None,
    )


def _typed(obj: Obj, namespace: str) -> Held:
    row = TABLE.by_kind(obj.get("apiVersion", ""), obj.get("kind", ""))
    if row is None:
        raise RehearsalError(f"a {obj.get('kind')} of {obj.get('apiVersion')} is not known here: rehearse it on a live cluster")
    meta = obj.get("metadata") or {}
    return Held(row, {**obj, "metadata": {"namespace": namespace, **meta} if row.namespaced else meta})


def _target(held: Sequence[Held], target: str | Named | None) -> Named:
    from wherry.rollout.targets import parse

    if target is not None:
        return parse(target) if isinstance(target, str) else target
    found = {Named(h.resource, h.object["metadata"].get("name", "")) for h in held if h.resource in ROLLED}
    if len(found) != 1:
        raise RehearsalError(
            "name the workload to rehearse: the manifests have "
            + (", ".join(sorted(f"{n.resource.singular}/{n.name}" for n in found)) if found else "no Deployment, StatefulSet or DaemonSet")
        )
    return found.pop()


def _ground(made: Sequence[Held]) -> Iterable[Held]:
    """Namespaces and accounts that the manifests use and do not bring."""
    named = {h.object["metadata"].get("name") for h in made if h.resource is NAMESPACES}
    used = {str(h.object["metadata"].get("namespace")) for h in made if h.resource.namespaced}
    for namespace in sorted(used):
        if namespace not in named:
            yield Held(NAMESPACES, prepare.namespace(namespace))
    accounts = {(h.object["metadata"]["namespace"], h.object["metadata"].get("name")) for h in made if h.resource is ACCOUNTS}
    specs = [(h.object["metadata"].get("namespace"), ((h.object.get("spec") or {}).get("template") or {}).get("spec") or {}) for h in made]
    for namespace, spec in specs:
        account = (namespace, spec.get("serviceAccountName") or "default")
        if namespace in used and namespace not in named and account not in accounts:
            accounts.add(account)
            yield Held(ACCOUNTS, prepare.account(account[1], str(namespace)))


def roomy_node(name: str) -> Obj:
    """A node with room for everything."""
    return _as_node(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": f"node-{name}"}, "status": {"allocatable": _ROOM}}
    )


def _as_node(node: Obj) -> Obj:
    """A manifest seldom says that a node is ready, or repeats its capacity as allocatable."""
    status = node.get("status") or {}
    room = status.get("allocatable") or status.get("capacity") or _ROOM
    conditions = [{"lastTransitionTime": _LONG_AGO, **c} for c in status.get("conditions") or (_READY,)]
    return {**node, "spec": node.get("spec") or {}, "status": {**status, "allocatable": room, "capacity": room, "conditions": conditions}}
