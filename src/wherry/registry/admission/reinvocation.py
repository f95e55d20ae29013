"""Which policies and webhooks are asked again after another changed the object, once, in a second round.

Kept with the request by each of the two mutating plug-ins. In the second round only those are asked that were asked in the first, whose
reinvocationPolicy is IfNeeded, and after which something changed.
Source: k8s.io/apiserver/pkg/admission/plugin/webhook/mutating/reinvocationcontext.go.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from wherry.api.objects import Obj
from wherry.registry.request import Request


@dataclass(slots=True)
class Reinvocation:
    asked: set[Hashable] = field(default_factory=set)
    again: set[Hashable] = field(default_factory=set)
    last: Obj | None = None

    def changed(self, request: Request) -> None:
        """The object is another than before: whoever was asked and wants to know is asked again."""
        self.again |= self.asked
        self.asked.clear()
        request.reinvoke = True

    def begin(self, request: Request) -> None:
        if request.round and self.last != request.draft:
            self.again |= self.asked
            self.asked.clear()

    def skips(self, request: Request, who: Hashable) -> bool:
        return bool(request.round) and who not in self.again

    def end(self, request: Request) -> None:
        self.last = dict(request.draft)
        if "metadata" in self.last:
            self.last["metadata"] = dict(self.last["metadata"])


def of(request: Request, plugin: str) -> Reinvocation:
    found = request.memory.get(plugin)
    if found is None:
        found = request.memory[plugin] = Reinvocation()
    made: Reinvocation = found
    return made
