"""ConfigMaps and Secrets of a revision, remembered as copies and brought back with an undo.

Called by `rollout remember`, `undo --with-config`, and the controller of workloads annotated with `wherry.dev/remember-config`. A revision
keeps its pod template but only the names of its configuration; whoever edits a ConfigMap in place loses what the revision ran with. It is
opt-in: copies of Secrets are Secrets, with the same readers.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from wherry.api.errors import AlreadyExists, NotFound
from wherry.api.objects import Obj
from wherry.api.options import MERGE_PATCH, WriteOptions
from wherry.client.protocol import Client
from wherry.rollout.config_copies import CONFIG, COPY, Reference, content, copy_of, note, references, remembered
from wherry.rollout.errors import RolloutError
from wherry.rollout.revisions import Revision, newest, read, revisions
from wherry.rollout.targets import CONFIG_MAPS, CONTROLLER_REVISIONS, DEPLOYMENTS, REPLICA_SETS, SECRETS, Named

#: on a workload: remember the configuration of every revision
REMEMBER = "wherry.dev/remember-config"


class NotRemembered(RolloutError):
    """Nobody kept the configuration of that revision."""


@dataclass(frozen=True, slots=True)
class Memory:
    """`copies`: (kind/name, name of the copy); `missing`: what the template refers to and is not there."""

    revision: int
    copies: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]


async def remember(client: Client, target: Named, namespace: str) -> Memory:
    """Copy what the newest revision refers to, as it is now, and drop the copies that no revision needs any more. Raises StatusError."""
    workload = await read(client, target, namespace)
    found = await revisions(client, target, workload)
    revision = _running(workload, found)
    copies, missing = await _copied(client, workload, namespace, references(workload["spec"]["template"]))
    kept = REPLICA_SETS if target.resource is DEPLOYMENTS else CONTROLLER_REVISIONS
    patch = {"metadata": {"annotations": {CONFIG: note(revision.source, copies)}}}
    await client.patch(kept, namespace, revision.source["metadata"]["name"], patch, MERGE_PATCH)
    others = [remembered(r.source) for r in found if r is not revision]
    await _forget(client, workload, namespace, {(ref.kind, name) for memory in (*others, copies) for ref, name in memory.items()})
    return Memory(revision.number, tuple((str(ref), name) for ref, name in copies.items()), missing)


def _running(workload: Obj, found: list[Revision]) -> Revision:
    current = newest(workload, [r.source for r in found])
    for revision in found:
        if current is not None and revision.source["metadata"]["name"] == current["metadata"]["name"]:
            return revision
    raise RolloutError("its controller has not made a revision of the present template yet")


async def _copied(client: Client, workload: Obj, namespace: str, wanted: list[Reference]) -> tuple[dict[Reference, str], tuple[str, ...]]:
    copies: dict[Reference, str] = {}
    missing: list[str] = []
    for reference in wanted:
        try:
            original = await client.get(reference.resource, namespace, reference.name)
        except NotFound:
            missing.append(str(reference))
            continue
        copy = copy_of(original, reference, workload)
        copies[reference] = copy["metadata"]["name"]
        try:
            await client.create(reference.resource, namespace, copy)
        except AlreadyExists:
            await _share(client, namespace, copy)
    return copies, tuple(missing)


async def _share(client: Client, namespace: str, copy: Obj) -> None:
    """The copy is there: this workload needs it too."""
    row = CONFIG_MAPS if copy["kind"] == "ConfigMap" else SECRETS
    there = await client.get(row, namespace, copy["metadata"]["name"])
    owners, wanted = there["metadata"].get("ownerReferences") or [], copy["metadata"]["ownerReferences"][0]
    if all(owner.get("uid") != wanted["uid"] for owner in owners):
        patch = {"metadata": {"resourceVersion": there["metadata"]["resourceVersion"], "ownerReferences": [*owners, wanted]}}
        await client.patch(row, namespace, copy["metadata"]["name"], patch, MERGE_PATCH)


async def _forget(client: Client, workload: Obj, namespace: str, needed: set[tuple[str, str]]) -> None:
    """Delete this workload's own copies that no revision refers to."""
    for row in (CONFIG_MAPS, SECRETS):
        for copy in (await client.list(row, namespace, label_selector=f"{COPY}=true")).items:
            owners = [owner.get("uid") for owner in copy["metadata"].get("ownerReferences") or ()]
            if owners == [workload["metadata"]["uid"]] and (row.kind, copy["metadata"]["name"]) not in needed:
                with suppress(NotFound):
                    await client.delete(row, namespace, copy["metadata"]["name"])


async def restore(client: Client, revision: Revision, namespace: str, *, dry_run: bool = False) -> list[str]:
    """Give the objects the content that the revision ran with; those that changed, as kind/name. Raises NotRemembered, StatusError."""
    memory = remembered(revision.source)
    if not memory:
        if not references(revision.template):
            return []
        raise NotRemembered(f"nobody remembered the configuration of revision {revision.number}; `rollout remember` does")
    changed = []
    for reference, name in memory.items():
        if await _restored(client, reference, name, namespace, dry_run):
            changed.append(str(reference))
    return changed


async def _restored(client: Client, reference: Reference, copy_name: str, namespace: str, dry_run: bool) -> bool:
    """Raises NotRemembered when the copy is gone, StatusError when the object refuses (it may be immutable)."""
    row, options = reference.resource, WriteOptions(dry_run=dry_run)
    try:
        copy = await client.get(row, namespace, copy_name)
    except NotFound:
        raise NotRemembered(f'{reference} cannot be restored: its copy "{copy_name}" is gone') from None
    try:
        current = await client.get(row, namespace, reference.name)
    except NotFound:
        fresh = {"apiVersion": "v1", "kind": reference.kind, "metadata": {"name": reference.name, "namespace": namespace}, **content(copy)}
        await client.create(row, namespace, fresh, options=options)
        return True
    if content(current) == content(copy):
        return False
    bare = {k: v for k, v in current.items() if k not in ("data", "binaryData", "type")}
    await client.update(row, {"apiVersion": "v1", "kind": reference.kind, **bare, **content(copy)}, options=options)
    return True
