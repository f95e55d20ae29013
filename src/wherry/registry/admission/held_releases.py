"""HeldReleases (ours): a new template of a workload with `wherry.dev/rollout-steps` is held at its first step by the same write.

In the chain only of clusters that run the driver of steps. The rule is `rules.workloads.steps.at_once`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.api.objects import annotations_of
from wherry.api.resources import Resource
from wherry.registry.request import Operation, Request

if TYPE_CHECKING:
    from wherry.registry.core import Core

#: as in the rule, which is imported when it is needed
STEPS = "wherry.dev/rollout-steps"
_PLURALS = ("deployments", "statefulsets", "daemonsets")


class HeldReleases:
    def bind(self, core: Core) -> None:
        self._now = core.now

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return operation == "UPDATE" and resource.group == "apps" and resource.plural in _PLURALS and not subresource

    async def admit(self, request: Request) -> None:
        if request.old is not None and STEPS in annotations_of(request.draft):
            from wherry.rules.workloads.steps.at_once import hold  # most clusters never need it, and starting takes its time

            hold(request.resource.kind, request.old, request.draft, self._now())
