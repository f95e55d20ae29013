"""Discovery of what other API servers serve: their groups beside ours, in the old documents and in the aggregated one.

Called by `app` for `/apis` and `/apis/GROUP`. Servers are asked when somebody wants to know, and what they said is kept for half a minute;
what one said before it fell silent is shown as stale. Source: k8s.io/kube-aggregator/pkg/apiserver/{handler_apis,handler_discovery}.go.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from wherry.api.objects import Obj, name
from wherry.api.options import ListOptions, Target
from wherry.registry.outside.calls import CallFailed
from wherry.registry.registry import Registry
from wherry.rules.schema.initial.api_availability import is_available
from wherry.server.elsewhere import API_SERVICES, Elsewhere
from wherry.server.other_servers import path

#: seconds for which an answer is good
_GOOD = 30.0


class Other(NamedTuple):
    """One group version of another server. `resources`: as it lists them (APIResourceList)."""

    group: str
    version: str
    resources: Sequence[Obj] = ()
    stale: bool = False


class OtherDiscovery:
    """`now`: seconds, of a clock that only goes on."""

    def __init__(self, registry: Registry, elsewhere: Elsewhere, now: Callable[[], float]) -> None:
        self._registry, self._elsewhere, self._now = registry, elsewhere, now
        self._kept: dict[str, tuple[float, Sequence[Obj]]] = {}

    async def look(self) -> list[Other]:
        """All of them, in the order of their groups' and versions' priorities."""
        listed = (await self._registry.list(Target(API_SERVICES, ""), ListOptions())).records
        found = [each for each in (record.object() for record in listed) if each["spec"].get("service")]
        own = {(row.group, row.version) for row in (*self._registry.table, *self._registry.table.computed)}
        others = sorted((each for each in found if (each["spec"].get("group"), each["spec"].get("version")) not in own), key=_rank)
        self._kept = {each: kept for each, kept in self._kept.items() if any(name(other) == each for other in others)}
        return list(await asyncio.gather(*(self._one(each) for each in others)))

    async def _one(self, api_service: Obj) -> Other:
        spec, called = api_service["spec"], name(api_service)
        asked, resources = self._kept.get(called, (-_GOOD, ()))
        stale = self._elsewhere.servers is None or not is_available(api_service)
        if not stale and self._now() - asked >= _GOOD:
            try:
                resources = await self._asked(api_service)
                self._kept[called] = (self._now(), resources)
            except CallFailed:
                stale = True
        return Other(spec.get("group", ""), spec.get("version", ""), resources, stale)

    async def _asked(self, api_service: Obj) -> Sequence[Obj]:
        """Raises CallFailed."""
        assert self._elsewhere.servers is not None
        try:
            said = json.loads(await self._elsewhere.servers.get(api_service, path(api_service)))
            return [each for each in said.get("resources") or () if isinstance(each, dict) and each.get("name")]
        except (ValueError, AttributeError) as error:
            raise CallFailed(f"the answer is no APIResourceList: {error}") from None


def _rank(api_service: Obj) -> tuple[int, str, int, str]:
    spec = api_service["spec"]
    group_first, version_first = spec.get("groupPriorityMinimum") or 0, spec.get("versionPriority") or 0
    return -group_first, spec.get("group", ""), -version_first, spec.get("version", "")


# --- documents; pure ---
def with_groups(document: Obj, others: Sequence[Other]) -> Obj:
    """An APIGroupList with theirs."""
    own = {each["name"]: each for each in document["groups"]}
    for group, versions in groupby(others, key=lambda each: each.group):
        own[group] = with_versions(own.get(group), group, list(versions))
    return {**document, "groups": list(own.values())}


def with_versions(document: Obj | None, group: str, others: Sequence[Other]) -> Obj:
    """An APIGroup with theirs; ours, if there is one, come first."""
    listed = [{"groupVersion": f"{group}/{each.version}", "version": each.version} for each in others if each.group == group]
    versions = [*(document.get("versions") or () if document else ()), *listed]
    return {**(document or {"name": group}), "versions": versions, "preferredVersion": versions[0]}


def with_discovery(document: Obj, others: Sequence[Other]) -> Obj:
    """An APIGroupDiscoveryList with theirs."""
    own = {each["metadata"].get("name", ""): each for each in document["items"]}
    for other in others:
        item = own.setdefault(other.group, {"metadata": {"name": other.group}, "versions": []})
        resources, freshness = aggregated(other), "Stale" if other.stale else "Current"
        listed = {"version": other.version, "resources": resources, "freshness": freshness}
        own[other.group] = {**item, "versions": [*item["versions"], listed]}
    return {**document, "items": list(own.values())}


def aggregated(other: Other) -> list[Obj]:
    """An APIResourceList's resources as the aggregated document has them: subresources below their resource."""
    found: dict[str, Obj] = {}
    for each in other.resources:
        plural, slash, subresource = each["name"].partition("/")
        kind = {"group": each.get("group") or other.group, "version": each.get("version") or other.version, "kind": each.get("kind", "")}
        if slash:
            if plural in found:
                entry = {"subresource": subresource, "responseKind": kind, "verbs": each.get("verbs") or []}
                found[plural].setdefault("subresources", []).append(entry)
            continue
        found[plural] = {
            "resource": plural, "responseKind": kind, "scope": "Namespaced" if each.get("namespaced") else "Cluster",
            "singularResource": each.get("singularName", ""), "verbs": each.get("verbs") or [],
            **{field: each[field] for field in ("shortNames", "categories") if each.get(field)},
        }  # fmt: skip
    return list(found.values())
