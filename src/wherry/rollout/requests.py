"""What a page's button asks for, as the patch that the command line would send: pure but for `carry_out`.

Called by the dashboard. Each request is tried as a dry run first, so that what is confirmed is what will be; field managers are those of
kubectl's commands, so the traces are the same.
Source: kubectl rollout, scale, set image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.api.options import MERGE_PATCH, STRATEGIC_PATCH, WriteOptions
from wherry.client.protocol import Client
from wherry.rollout import changes, emulation
from wherry.rollout.changes import CAUSE, Change
from wherry.rollout.differences import Difference, of_templates
from wherry.rollout.errors import NothingToUndo, Paused, RolloutError, Unchanged
from wherry.rollout.held_up import selector_of
from wherry.rollout.last_healthy import last_healthy
from wherry.rollout.remembering import restore
from wherry.rollout.revisions import Revision, choose, read, revisions
from wherry.rollout.rollout import MANAGER
from wherry.rollout.targets import PODS, Named

Doing = Literal["undo", "pause", "resume", "restart", "scale", "image"]
DOING: tuple[str, ...] = get_args(Doing)
_SET = "kubectl-set"
#: what is told of the spec beside the template
_SPEC = ("replicas", "paused", "strategy", "updateStrategy")


@dataclass(frozen=True, slots=True)
class Request:
    """`revision`: 0 for the one before, -1 for the last healthy one. `images`: container -> image. `cause`: the change-cause to write."""

    doing: Doing
    revision: int = 0
    replicas: int = 0
    images: tuple[tuple[str, str], ...] = ()
    cause: str = ""
    with_config: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """`differences`: what it changes in the pod template; `fields`: in the rest of the spec, as (path, old, new). `config`: restored."""

    differences: tuple[Difference, ...]
    fields: tuple[tuple[str, Any, Any], ...]
    revision: int
    config: tuple[str, ...] = ()


async def carry_out(client: Client, target: Named, namespace: str, asked: Request, now: float, *, dry_run: bool) -> Done:
    """Raises StatusError and RolloutError. `now`: seconds since 1970."""
    workload = await read(client, target, namespace)
    chosen: Revision | None = None
    config: list[str] = []
    if asked.doing == "undo":
        chosen = await _chosen(client, target, workload, asked.revision)
        if asked.with_config:
            config = await restore(client, chosen, namespace, dry_run=dry_run)
    change = decided(workload, asked, chosen, now)
    options = WriteOptions(field_manager=_manager(asked), dry_run=dry_run)
    subresource = "scale" if asked.doing == "scale" else ""
    after = workload
    if change is not None:
        answer = await client.patch(target.resource, namespace, target.name, change.patch, change.patch_type, subresource=subresource,
                                    options=options)  # fmt: skip
        after = {**workload, "spec": {**workload["spec"], "replicas": answer["spec"].get("replicas", 0)}} if subresource else answer
    elif not config:
        raise Unchanged("that is the template already: nothing would change")
    differences = tuple(of_templates(workload["spec"]["template"], after["spec"]["template"]))
    return Done(differences, tuple(_fields(workload, after)), chosen.number if chosen is not None else 0, tuple(config))


async def _chosen(client: Client, target: Named, workload: Obj, number: int) -> Revision:
    found = await revisions(client, target, workload)
    if number >= 0:
        return choose(found, number, target)
    pods = (await client.list(PODS, workload["metadata"].get("namespace", ""), label_selector=selector_of(workload))).items
    healthy = last_healthy(workload, found, pods)
    if healthy is None:
        raise NothingToUndo("no revision is known to have been fully available; choose one")
    return healthy


def decided(workload: Obj, asked: Request, chosen: Revision | None, now: float) -> Change | None:
    """The patch; None when the workload has that template already. Raises RolloutError."""
    match asked.doing:
        case "undo":
            assert chosen is not None
            return changes.undo(workload, chosen, asked.cause)
        case "pause":
            return emulation.pause(workload) if workload["kind"] in emulation.KINDS else changes.pause(workload)
        case "resume":
            return emulation.resume(workload) if workload["kind"] in emulation.KINDS else changes.resume(workload)
        case "restart":
            if emulation.is_paused(workload):
                raise Paused("can't restart a paused workload (resume it first)")
            return changes.restart(workload, timestamps.time(now), asked.cause)
        case "scale":
            return _scaled(workload, asked.replicas)
        case "image":
            return _imaged(workload, asked)


def _scaled(workload: Obj, replicas: int) -> Change:
    if workload["kind"] == "DaemonSet":
        raise RolloutError("a DaemonSet has as many pods as there are nodes for it: it cannot be scaled")
    if replicas < 0:
        raise RolloutError("the number of replicas must not be negative")
    return Change({"spec": {"replicas": replicas}}, MERGE_PATCH)


def _imaged(workload: Obj, asked: Request) -> Change:
    there = {c["name"]: c.get("image", "") for c in workload["spec"]["template"]["spec"].get("containers") or ()}
    unknown = [name for name, _ in asked.images if name not in there]
    if unknown:
        raise RolloutError(f'unable to find container named "{unknown[0]}"')
    new = [{"name": name, "image": image} for name, image in asked.images if image and there[name] != image]
    if not new:
        raise Unchanged("those images are there already: nothing would change")
    patch: Obj = {"spec": {"template": {"spec": {"containers": new}}}}
    return Change({**patch, "metadata": {"annotations": {CAUSE: asked.cause}}} if asked.cause else patch, STRATEGIC_PATCH)


def _manager(asked: Request) -> str:
    """As kubectl's command of that name; undo and scale name none there."""
    return {"image": _SET, "undo": "", "scale": ""}.get(asked.doing, MANAGER)


def _fields(before: Obj, after: Obj) -> Sequence[tuple[str, Any, Any]]:
    old, new = before["spec"], after["spec"]
    return [(name, old.get(name), new.get(name)) for name in _SPEC if old.get(name) != new.get(name)]
