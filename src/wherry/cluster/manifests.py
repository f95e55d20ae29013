"""Manifests from files and folders to objects in a cluster: YAML, JSON, several documents, lists; whatever kustomize and Helm print.

Called by `Cluster.apply`, at the start of a test's cluster, and by `wherry up --manifests`. Objects are made in an order that works:
namespaces and definitions first, then what others refer to, then workloads. What is there already is changed by a server-side apply.
Source of the order: Helm's pkg/releaseutil/kind_sorter.go, in its gist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wherry.api.errors import AlreadyExists, NotFound
from wherry.api.objects import Obj, name
from wherry.api.options import APPLY_PATCH, WriteOptions
from wherry.api.resources import Resource
from wherry.errors import WherryError

if TYPE_CHECKING:
    from wherry.cluster.cluster import Cluster

Source = str | Path | Mapping[str, Any]
_SUFFIXES = (".yaml", ".yml", ".json")
_FIRST = ("CustomResourceDefinition", "Namespace", "PriorityClass", "StorageClass", "ServiceAccount", "Secret", "ConfigMap",
          "PersistentVolume", "PersistentVolumeClaim", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Service")  # fmt: skip
#: how long a custom kind may take to be served
ESTABLISHED = "10s"


class ManifestError(WherryError, ValueError):
    """A source that holds no objects; the message names it."""


def read(sources: Iterable[Source]) -> list[Obj]:
    """Objects of files, folders (and those in them, in the order of their names), YAML texts and objects, ready to be made in turn."""
    found = [obj for source in sources for obj in _objects(source)]
    return sorted(found, key=lambda obj: _FIRST.index(obj["kind"]) if obj["kind"] in _FIRST else len(_FIRST))


def _objects(source: Source) -> Iterator[Obj]:
    if isinstance(source, Mapping):
        yield from _flat(dict(source), "the object given")
    elif isinstance(source, str) and "\n" in source:
        yield from _documents(source, "the text given")
    else:
        for path in _files(Path(source)):
            yield from _documents(path.read_text(encoding="utf-8"), str(path))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        if not path.exists():
            raise ManifestError(f"{path} does not exist")
        return [path]
    for builder in ("kustomization.yaml", "kustomization.yml", "Chart.yaml"):
        if (path / builder).exists():
            tool = "helm template" if builder == "Chart.yaml" else "kubectl kustomize"
            raise ManifestError(f"{path} is to be built first: give the output of `{tool} {path}`")
    return sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())


def _documents(text: str, where: str) -> Iterator[Obj]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = list(yaml.load_all(text, Loader=loader))
    except yaml.YAMLError as error:
        raise ManifestError(f"{where} is not YAML: {error}") from error
    for document in documents:
        if document is not None:
            yield from _flat(document, where)


def _flat(document: Any, where: str) -> Iterator[Obj]:
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str) or not document.get("apiVersion"):
        raise ManifestError(f"{where} holds something that is no object: it has no apiVersion and kind")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _flat(item, where)
    else:
        yield document


async def apply(cluster: Cluster, sources: Iterable[Source], namespace: str) -> list[Obj]:
    """Makes all of them, or changes what is there. Raises ManifestError, StatusError."""
    return [await _one(cluster, obj, namespace) for obj in read(sources)]


async def _one(cluster: Cluster, obj: Obj, default: str) -> Obj:
    resource = await _resource(cluster, obj)
    namespace = (obj.get("metadata") or {}).get("namespace") or default if resource.namespaced else ""
    if resource.namespaced:
        await _account(cluster, resource, namespace)
    try:
        return await cluster.aclient.create(resource, namespace, obj)
    except AlreadyExists:
        options = WriteOptions(field_manager="wherry", force=True)
        return await cluster.aclient.patch(resource, namespace, name(obj), obj, APPLY_PATCH, options=options)


async def _resource(cluster: Cluster, obj: Obj) -> Resource:
    """Waits for a custom kind to be served."""
    table = cluster.registry.table

    async def look() -> Resource | None:
        return table.by_kind(obj["apiVersion"], obj["kind"])

    found = await look()
    if found is None and any(row.kind == "CustomResourceDefinition" for row in table) and await _is_defined(cluster, obj["kind"]):
        found = await cluster.own_clock.run_until(look, ESTABLISHED)
    if found is None:
        raise ManifestError(f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"')
    return found


async def _is_defined(cluster: Cluster, kind: str) -> bool:
    definitions = cluster.registry.table.by_path("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    if definitions is None:
        return False
    return any(d["spec"]["names"]["kind"] == kind for d in (await cluster.aclient.list(definitions)).items)


async def _account(cluster: Cluster, resource: Resource, namespace: str) -> None:
    """Pods of a namespace can be made once its ServiceAccount is there."""
    if resource.plural != "pods":
        return
    accounts = cluster.registry.table.by_path("", "v1", "serviceaccounts")
    assert accounts is not None

    async def look() -> Any:
        try:
            await cluster.aclient.get(accounts, namespace, "default")
        except NotFound:
            return False
        return True

    if not await look():
        await cluster.own_clock.run_until(look, ESTABLISHED)
