"""Server-side apply of a Scale: merged with the Scale that the parent shows, by who owns the parent's number.

Called by the scale subresources of workloads and of custom objects. `Applied.merged` gives the Scale to go on with; `Applied.track` then
sets the parent's managedFields, which a Scale never shows.
Source: k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go; the scale storage of deployments (UpdatedObject).
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.options import WriteOptions
from wherry.api.resources import Resource
from wherry.api.schema import Node
from wherry.registry.core import Core
from wherry.rules.managed_fields import apply_patch, parent_entries, scale_entries
from wherry.rules.managed_fields.sets import Set


class Applied:
    """One applied Scale. `replicas`: where the parent keeps the number."""

    def __init__(self, core: Core, config: Obj, form: Resource, node: Node, replicas: Set, options: WriteOptions) -> None:
        self._core, self._config, self._form, self._node, self._replicas, self._options = core, config, form, node, replicas, options
        self._scale: Obj = {}

    def merged(self, old: Obj, shown: Obj) -> Obj:
        """`shown`: the Scale of the parent `old`. Raises BadRequest, Conflict, StatusError (500)."""
        entries = scale_entries(old, self._replicas)
        live = {**shown, "metadata": {**shown["metadata"], **({"managedFields": entries} if entries else {})}}
        self._scale = apply_patch(
            live,
            self._config,
            node=self._node,
            manager=self._options.manager,
            force=self._options.force,
            api_version=self._form.api_version,
            kind=self._form.kind,
            subresource="scale",
            time=self._core.timestamp(),
        )
        return self._scale

    def track(self, core: Core, resource: Resource, old: Obj | None, draft: Obj, options: WriteOptions, subresource: str = "") -> None:
        if old is None:
            return
        draft["metadata"].pop("managedFields", None)
        if entries := parent_entries(old, self._scale, resource.api_version, self._replicas):
            draft["metadata"]["managedFields"] = entries
