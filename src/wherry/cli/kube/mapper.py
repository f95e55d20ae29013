"""Words of a command line and kinds of manifests to resources: the built-in table first, the server's discovery for the rest.

Called by `gather` and the commands that read manifests. Built-in kinds cost no request; custom ones, unknown words and categories such as
`all` ask the server once.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#aggregated-discovery, client-go restmapper (category expansion,
shortcuts), apimachinery schema.ParseResourceArg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.api.errors import NotAcceptable, NotFound
from wherry.api.objects import Obj
from wherry.api.resources import BUILT_IN, Resource
from wherry.cli.kube.errors import CommandError

if TYPE_CHECKING:
    from wherry.cli.kube.session import Kube

_AGGREGATED = ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
               "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json")


class Mapper:
    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._served: list[Resource] | None = None

    async def resource(self, word: str) -> Resource:
        """`deploy`, `deployments.apps`, `deployments.v1.apps`, `Deployment`. Raises CommandError."""
        found = match(BUILT_IN, word) or match(await self.served(), word)
        if found is None:
            name = word.partition(".")[0]
            raise CommandError(f'the server doesn\'t have a resource type "{name}"')
        return found

    async def kind(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a manifest's apiVersion and kind; None when the server has none."""
        for rows in (BUILT_IN, await self.served() if not _known(api_version, kind) else ()):
            for row in rows:
                if row.api_version == api_version and row.kind == kind:
                    return row
        return None

    async def expand(self, word: str) -> list[str]:
        """A category to its resources; anything else as it is."""
        if match(BUILT_IN, word) is not None:
            return [word]
        rows = [row for row in await self.served() if word in row.categories and "list" in row.verbs]
        preferred: dict[tuple[str, str], Resource] = {}
        for row in rows:
            preferred.setdefault((row.group, row.plural), row)
        return [row.group_resource for row in preferred.values()] or [word]

    async def served(self) -> list[Resource]:
        """Everything the server says it serves, the preferred versions first."""
        if self._served is None:
            self._served = [row for path in ("/api", "/apis") for row in await self._discover(path)]
        return self._served

    async def _discover(self, path: str) -> list[Resource]:
        try:
            answer = await self._kube.client.read(path, accept=_AGGREGATED)
        except (NotAcceptable, NotFound):
            return []
        if answer.get("kind") == "APIGroupDiscoveryList":
            return aggregated(answer)
        if path == "/api":
            lists = [(f"/api/{v}", "", v) for v in answer.get("versions") or ()]
        else:
            lists = [(f"/apis/{v['groupVersion']}", g["name"], v["version"]) for g in answer.get("groups") or () for v in g["versions"]]
        return [row for at, group, version in lists for row in legacy(await self._kube.client.read(at), group, version)]


def _known(api_version: str, kind: str) -> bool:
    return any(row.api_version == api_version and row.kind == kind for row in BUILT_IN)


def match(rows: tuple[Resource, ...] | list[Resource], word: str) -> Resource | None:
    """The first resource that a word names; the rest of the word after the first dot is a group, or a version and a group."""
    name, _, rest = word.lower().partition(".")
    kind, _, kind_rest = word.partition(".")
    for row in rows:
        if rest and rest not in (row.group, f"{row.version}.{row.group}") and not row.group.startswith(rest + "."):
            continue
        if name in (row.plural, row.singular, *row.short_names) or (kind == row.kind and kind_rest in ("", row.group)):
            return row
    return None


def aggregated(answer: Obj) -> list[Resource]:
    """Rows of an APIGroupDiscoveryList."""
    rows = []
    for group in answer.get("items") or ():
        for version in group.get("versions") or ():
            for found in version.get("resources") or ():
                kind = found.get("responseKind") or {}
                rows.append(Resource(
                    group["metadata"].get("name", ""), version["version"], kind.get("kind", ""), found["resource"],
                    found.get("singularResource") or "",
                    found.get("scope") == "Namespaced", tuple(found.get("shortNames") or ()), tuple(found.get("categories") or ()),
                    tuple(found.get("verbs") or ()), tuple(s["subresource"] for s in found.get("subresources") or ())))
    return rows


def legacy(answer: Obj, group: str, version: str) -> list[Resource]:
    """Rows of an APIResourceList."""
    listed = answer.get("resources") or []
    subresources: dict[str, list[str]] = {}
    for found in listed:
        name, slash, sub = found["name"].partition("/")
        if slash:
            subresources.setdefault(name, []).append(sub)
    return [Resource(group, version, found["kind"], found["name"], found.get("singularName") or "", bool(found.get("namespaced")),
                     tuple(found.get("shortNames") or ()), tuple(found.get("categories") or ()), tuple(found.get("verbs") or ()),
                     tuple(subresources.get(found["name"], ()))) for found in listed if "/" not in found["name"]]
