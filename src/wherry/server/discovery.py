"""Discovery: which groups, versions, resources and subresources there are; the old documents and the aggregated one.

Called for GET on `/api`, `/apis` and below. Made from the resource table, in its order, and made again when the table changes.
Source: KEP-3352 aggregated discovery; k8s.io/apiserver/pkg/endpoints/discovery; the documents of Kubernetes v1.36.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from wherry.api.legacy_resources import is_legacy
from wherry.api.objects import Obj
from wherry.api.resources import SUBRESOURCE_KINDS, Resource, ResourceTable
from wherry.server.rendering import encode
from wherry.server.routes import SUBRESOURCE_VERBS

#: kinds of the options of subresources that are not objects: subresource -> kind, after the parent's kind where it says `{}`
_OPTION_KINDS = {"attach": "PodAttachOptions", "exec": "PodExecOptions", "portforward": "PodPortForwardOptions", "proxy": "{}ProxyOptions"}

_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


class Document(NamedTuple):
    body: bytes
    etag: str


#: kinds that the reference stores in another version than they are served in
_STORED_AS = {
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): "v1beta1",
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): "v1beta1",
    ("apiextensions.k8s.io", "CustomResourceDefinition"): "v1beta1",
}


def storage_version_hash(table: ResourceTable, row: Resource) -> str:
    """Tells clients when the version in which a kind is stored changes."""
    stored = table.storage(row) if row.custom is None else replace(row, version=row.custom.storage_version)
    name = f"{stored.group}/{_STORED_AS.get((stored.group, stored.kind), stored.version)}/{stored.kind}"
    return base64.b64encode(hashlib.sha256(name.encode()).digest()[:8]).decode()


def _subresource_kind(row: Resource, subresource: str) -> tuple[str, str, str]:
    """Group, version and kind; group and version are empty where they are the parent's."""
    if subresource == "rollback":
        return "", "", f"{row.kind}Rollback"
    if subresource == "scale" and is_legacy(row):
        return "", "", "Scale"
    if subresource in SUBRESOURCE_KINDS:
        group, version, kind = SUBRESOURCE_KINDS[subresource]
        return ("", "", kind) if (group, version) == (row.group, row.version) else (group, version, kind)
    return "", "", _OPTION_KINDS.get(subresource, row.kind).format(row.kind)


def verbs(row: Resource) -> tuple[str, ...]:
    """The verbs as they are listed: of a custom kind in another order, and, when it is about to go, without those that write."""
    if row.custom is None:
        return row.verbs
    return _CUSTOM_VERBS if not row.custom.terminating else tuple(v for v in _CUSTOM_VERBS if v not in ("patch", "create", "update"))


def _resource(table: ResourceTable, row: Resource) -> Obj:
    entry: Obj = {"name": row.plural, "singularName": row.singular, "namespaced": row.namespaced, "kind": row.kind, "verbs": verbs(row)}
    if row.short_names:
        entry["shortNames"] = row.short_names
    if row.categories:
        entry["categories"] = row.categories
    if "watch" in row.verbs:
        entry["storageVersionHash"] = storage_version_hash(table, row)
    return entry


def _subresource(row: Resource, subresource: str) -> Obj:
    group, version, kind = _subresource_kind(row, subresource)
    entry: Obj = {"name": f"{row.plural}/{subresource}", "singularName": "", "namespaced": row.namespaced}
    if version:
        entry |= {"group": group, "version": version}
    return entry | {"kind": kind, "verbs": SUBRESOURCE_VERBS[subresource]}


def _rows(table: ResourceTable, group: str, version: str) -> list[Resource]:
    return [row for row in (*table, *table.computed) if row.group == group and row.version == version]


def _versions(table: ResourceTable) -> dict[str, list[str]]:
    """Groups in order, each with its versions, the preferred one first."""
    found: dict[str, list[str]] = {}
    for row in (*table, *table.computed):
        versions = found.setdefault(row.group, [])
        if row.version not in versions:
            versions.append(row.version)
    return found


def resource_list(table: ResourceTable, group: str, version: str) -> Obj | None:
    """The APIResourceList of a group-version, None when there is none."""
    rows = _rows(table, group, version)
    if not rows:
        return None
    entries: list[Obj] = []
    for row in rows:
        entries.append(_resource(table, row))
        entries += [_subresource(row, subresource) for subresource in row.subresources]
    head: Obj = {"kind": "APIResourceList"} if group == "" else {"kind": "APIResourceList", "apiVersion": "v1"}
    shown = entries if rows[0].custom else sorted(entries, key=lambda e: str(e["name"]))
    return head | {"groupVersion": rows[0].api_version, "resources": shown}


def _group(name: str, versions: Iterable[str]) -> Obj:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def group_list(table: ResourceTable) -> Obj:
    listed = [_group(name, versions) for name, versions in _versions(table).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def group(table: ResourceTable, name: str) -> Obj | None:
    versions = _versions(table).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group(name, versions) if name and versions else None


def core_versions(address: str) -> Obj:
    """The document at `/api`; `address` is where the client reached us."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def _aggregated_kind(group: str, version: str, kind: str) -> Obj:
    return {"group": group, "version": version, "kind": kind}


def _own_kind(row: Resource) -> Obj:
    return _aggregated_kind("", "", row.kind) if row.custom is None else _aggregated_kind(row.group, row.version, row.kind)


def _aggregated_subresource(row: Resource, subresource: str) -> Obj:
    group, version, kind = _subresource_kind(row, subresource)
    return _own_kind(row) if row.custom is not None and not version else _aggregated_kind(group, version, kind)


def _aggregated_resource(row: Resource) -> Obj:
    entry: Obj = {
        "resource": row.plural,
        "responseKind": _own_kind(row),
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "singularResource": row.singular,
        "verbs": verbs(row),
    }
    if row.short_names:
        entry["shortNames"] = row.short_names
    if row.categories:
        entry["categories"] = row.categories
    if row.subresources:
        entry["subresources"] = [
            {"subresource": s, "responseKind": _aggregated_subresource(row, s), "verbs": SUBRESOURCE_VERBS[s]} for s in row.subresources
        ]
    return entry


def _aggregated_group(table: ResourceTable, name: str, versions: Iterable[str]) -> Obj:
    listed = []
    for version in versions:
        rows = sorted(_rows(table, name, version), key=lambda row: row.plural)
        listed.append({"version": version, "resources": [_aggregated_resource(row) for row in rows], "freshness": "Current"})
    return {"metadata": {"name": name} if name else {}, "versions": listed}


def aggregated(table: ResourceTable, version: str, *, core: bool) -> Obj:
    """The APIGroupDiscoveryList of the core group, or of all others."""
    items = [_aggregated_group(table, name, versions) for name, versions in _versions(table).items() if (name == "") == core]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {}, "items": items}


class Discovery:
    """The documents, kept until the table changes."""

    def __init__(self, table: ResourceTable) -> None:
        self._table = table
        self._revision = (table.revision, 0)
        self._aggregated: dict[tuple[str, bool], Document] = {}

    def _refresh(self) -> None:
        revision = (self._table.revision, len(self._table.computed))
        if revision != self._revision:
            self._revision, self._aggregated = revision, {}

    def aggregated(self, version: str, *, core: bool) -> Document:
        self._refresh()
        found = self._aggregated.get((version, core))
        if found is None:
            body = encode(aggregated(self._table, version, core=core))
            found = self._aggregated[version, core] = Document(body, f'"{hashlib.sha512(body).hexdigest().upper()}"')
        return found
