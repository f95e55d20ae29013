"""`apply --prune`: deletes what was applied before and is in no file any more.

Called by `apply` once everything is applied. Asked are the kinds of the allowlist, in the namespaces that the files touch; kept is what
apply did not make (no annotation), what was applied just now, and what a selector does not mean.
Source: kubectl pkg/cmd/apply/prune.go, pkg/util/prune/prune.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wherry.api.errors import StatusError
from wherry.api.objects import Obj, annotations_of
from wherry.api.options import DeleteOptions
from wherry.api.resources import TABLE, Resource
from wherry.cli.kube.applied import LAST_APPLIED
from wherry.cli.kube.errors import CommandError
from wherry.cli.kube.gather import listed
from wherry.cli.kube.printing import Printer

if TYPE_CHECKING:
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_NAMESPACED = (*(("v1", kind) for kind in ("ConfigMap", "Endpoints", "PersistentVolumeClaim", "Pod", "ReplicationController", "Secret",
                                           "Service")),
               ("batch/v1", "Job"), ("batch/v1", "CronJob"), ("networking.k8s.io/v1", "Ingress"),
               *(("apps/v1", kind) for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")))
_CLUSTER = (("v1", "Namespace"), ("v1", "PersistentVolume"))
_DEPRECATED = ("W Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace flag "
               "in a future release. To preserve the current behaviour, list the resources you want to target explicitly in the "
               "--prune-allowlist flag.\n")


def check(kube: Kube) -> None:
    """Raises CommandError for flags that do not go together."""
    given = kube.given
    if given["all"] and given["selector"]:
        raise CommandError("cannot set --all and --selector at the same time")
    if given["applyset"]:
        raise CommandError("--applyset is not supported: --prune with --all or a selector is")
    if not given["prune"]:
        return
    if given["force"]:
        raise CommandError("--force cannot be used with --prune")
    if not given["all"] and not given["selector"]:
        raise CommandError("all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all "
                           "flag. If you did not mean to prune all resources, specify a label selector")
    if given["server-side"]:
        raise CommandError("--prune is in alpha and doesn't currently work on objects created by server-side apply")


async def allowed(kube: Kube) -> list[Resource]:
    """The kinds that may be pruned, namespaced ones first. Raises CommandError."""
    texts = kube.given["prune-allowlist"]
    if not texts:
        kube.err(_DEPRECATED)  # kubectl always has a namespace, so it always says so
        return [row for pair in (*_NAMESPACED, *_CLUSTER) if (row := TABLE.by_kind(*pair)) is not None]
    rows = [await _row(kube, text) for text in texts]
    return sorted(rows, key=lambda row: not row.namespaced)


async def _row(kube: Kube, text: str) -> Resource:
    parts = text.split("/")
    if len(parts) != 3:
        raise CommandError(f"invalid GroupVersionKind format: {text}, please follow <group/version/kind>")
    group, version, kind = parts
    api_version = version if group in ("", "core") else f"{group}/{version}"
    found = await kube.mapper.kind(api_version, kind)
    if found is None:
        raise CommandError(f'no matches for kind "{kind}" in version "{api_version}"')
    return found


async def prune(kube: Kube, infos: Iterable[Info], rows: list[Resource], show: Printer, dry: str) -> None:
    """`show`: how a pruned object is printed. Raises CommandError for the first that the server refuses."""
    kept = {info.object.get("metadata", {}).get("uid") for info in infos}
    namespaces = dict.fromkeys(info.namespace for info in infos if info.resource.namespaced)
    for row in rows:
        for namespace in namespaces if row.namespaced else [""]:
            try:
                await _prune(kube, row, namespace, kept, show, dry)
            except StatusError as error:
                doing = "namespaced" if row.namespaced else "nonNamespaced"
                shown = f"{row.api_version}, Kind={row.kind}" if row.group else f"/{row.version}, Kind={row.kind}"
                raise CommandError(f"error pruning {doing} object {shown}: {error.message}") from None


async def _prune(kube: Kube, row: Resource, namespace: str, kept: set[str | None], show: Printer, dry: str) -> None:
    doomed: list[Obj] = [obj async for obj in listed(kube, row, namespace, kube.given["selector"])
                         if LAST_APPLIED in annotations_of(obj) and obj["metadata"].get("uid") not in kept]
    for obj in doomed:
        if dry != "client":
            options = DeleteOptions(propagation_policy="Background", dry_run=dry == "server")
            await kube.client.delete(row, namespace, obj["metadata"]["name"], options)
        kube.out(show(obj))
