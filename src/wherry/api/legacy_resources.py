"""The group-versions of the past, which a cluster serves when it is told to: views of the same stored apps/v1 objects.

Read by the cluster when it builds its resource table (`legacy_table`). They are what Kubernetes served until v1.15; off, they answer 404.
Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/#v1-16. What an old `kubectl get all` listed twice, in two groups,
is listed once here, and `deploy` means one thing: kinds of `extensions` are in no category and have no short names.
"""

from __future__ import annotations

from dataclasses import replace

from wherry.api.resources import BUILT_IN, LEGACY_VERSIONS, STORED_AS, Resource, ResourceTable, resource

#: group-versions whose Deployments have the `rollback` subresource and `spec.rollbackTo`
WITH_ROLLBACK = ("extensions/v1beta1", "apps/v1beta1")


def _row(group: str, version: str, plural: str) -> Resource:
    now = resource(plural, "apps")
    subresources = (*now.subresources, "rollback") if (plural, f"{group}/{version}" in WITH_ROLLBACK) == ("deployments", True) else None
    return replace(
        now,
        group=group,
        version=version,
        schema=f"io.k8s.api.{group}.{version}.{now.kind}",
        categories=now.categories if group == "apps" else (),
        short_names=now.short_names if group == "apps" else (),
        subresources=tuple(sorted(subresources)) if subresources else now.subresources,
    )


LEGACY: tuple[Resource, ...] = tuple(
    _row(group, version, plural) for (group, version), plurals in LEGACY_VERSIONS.items() for plural in plurals
)


def is_legacy(row: Resource) -> bool:
    return row.custom is None and (row.group, row.version) in LEGACY_VERSIONS and (row.group, row.version, row.plural) in STORED_AS


def legacy_table() -> ResourceTable:
    """The built-in rows and these."""
    return ResourceTable((*BUILT_IN, *LEGACY))
