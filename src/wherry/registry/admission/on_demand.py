"""The plug-ins of policies and webhooks, imported when there is the first configuration for them.

The chain has these from the start; without any policy or webhook a write costs a look at a count, and a start none of their modules.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.registry.outside.calls import Outside
from wherry.registry.request import Operation, Request
from wherry.store.protocol import Store

_GROUP = "admissionregistration.k8s.io"


class _OnDemand:
    """`name` is the plug-in as `module.Class` of this package; it is there while each of its tables has objects."""

    def __init__(self, store: Store, outside: Outside, name: str, *tables: str) -> None:
        self._store, self._outside, self._name = store, outside, name
        #: the chain does not ask while one of these is empty
        self.tables = tuple(f"{table}.{_GROUP}" for table in tables)
        self._core: Core | None = None
        self._made: Any = None

    def bind(self, core: Core) -> None:
        self._core = core

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        """What decides about others is never refused by it: else it could not be repaired."""
        return resource.group != _GROUP

    def _plugin(self) -> Any:
        """The plug-in, None while there is nothing for it to do."""
        for table in self.tables:
            if not self._store.size(table):
                return None
        if self._made is None:
            module, _, name = self._name.rpartition(".")
            made = getattr(import_module(f"wherry.registry.admission.{module}"), name)(self._store, self._outside)
            made.bind(self._core)
            self._made = made
        return self._made

    async def each(self, resource: Resource, namespace: str) -> bool:
        plugin = self._plugin()
        return plugin is not None and await plugin.each(resource, namespace)


class MutatingOnDemand(_OnDemand):
    async def admit(self, request: Request) -> None:
        """Raises StatusError."""
        plugin = self._plugin()
        if plugin is not None and plugin.handles(request.operation, request.resource, request.subresource):
            await plugin.admit(request)


class ValidatingOnDemand(_OnDemand):
    async def validate(self, request: Request) -> None:
        """Raises StatusError."""
        plugin = self._plugin()
        if plugin is not None and plugin.handles(request.operation, request.resource, request.subresource):
            await plugin.validate(request)


def plugins(store: Store, outside: Outside) -> tuple[MutatingOnDemand | ValidatingOnDemand, ...]:
    """In the reference's order."""
    return (
        MutatingOnDemand(
            store, outside, "mutating_policies.MutatingAdmissionPolicies", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"
        ),
        MutatingOnDemand(store, outside, "mutating_webhooks.MutatingAdmissionWebhooks", "mutatingwebhookconfigurations"),
        ValidatingOnDemand(
            store, outside, "validating_policies.ValidatingAdmissionPolicies",
            "validatingadmissionpolicies", "validatingadmissionpolicybindings",
        ),
        ValidatingOnDemand(store, outside, "validating_webhooks.ValidatingAdmissionWebhooks", "validatingwebhookconfigurations"),
    )  # fmt: skip
