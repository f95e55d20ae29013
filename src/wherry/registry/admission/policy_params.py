"""The parameters of a policy's binding: the objects of its paramKind that its paramRef names or selects.

Source: k8s.io/apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go (CollectParams).
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.registry.admission.dynamic import Dynamic
from wherry.registry.core import key, prefix
from wherry.rules.objects.selectors import from_label_selector


class Misconfigured(Exception):
    """A policy or binding that cannot be used as it is; str() is why."""


def kind_of(plugin: Dynamic, param_kind: Obj) -> Resource:
    """Raises Misconfigured for a kind that is not served."""
    api_version, kind = param_kind.get("apiVersion") or "", param_kind.get("kind") or ""
    row = plugin.core.table.by_kind(api_version, kind)
    if row is None:
        named = api_version if "/" in api_version else f"/{api_version}"
        raise Misconfigured(f"failed to find resource referenced by paramKind: '{named}, Kind={kind}'")
    return row


async def collect(plugin: Dynamic, row: Resource | None, ref: Obj | None, namespace: str) -> list[Obj | None]:
    """One None when the binding has no parameters. Raises Misconfigured."""
    if row is None or not ref:
        return [None]
    if row.namespaced:
        where = ref.get("namespace") or namespace
        if not where:
            raise Misconfigured("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
    elif ref.get("namespace"):
        raise Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    else:
        where = ""
    found = await _found(plugin, row, ref, where)
    if not found and ref.get("parameterNotFoundAction") == "Deny":
        raise Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
    return [await plugin.shown(obj, row) for obj in found]


async def _found(plugin: Dynamic, row: Resource, ref: Obj, namespace: str) -> list[Obj]:
    stored = plugin.core.table.storage(row)
    if ref.get("name"):
        record = await plugin.store.get(key(stored, namespace, ref["name"]))
        return [] if record is None else [record.object()]
    selector = from_label_selector(ref.get("selector") or {})
    objs = [record.object() for record in (await plugin.store.range(prefix(stored, namespace))).records]
    return [obj for obj in objs if selector.matches(obj["metadata"].get("labels") or {})]
