"""What a rehearsal starts from: the workload, its pods and revisions, the nodes, and everything else that decides where pods fit.

Made by `live` (any API server) or `manifests` (files alone), used by `stage`. Invariant: a world is plain data and never changes, so one
world can be played many times, under other strategies and faults.
"""

from __future__ import annotations

from dataclasses import dataclass

from wherry.api.objects import Obj, controller_of, labels, namespace
from wherry.api.resources import Resource
from wherry.errors import WherryError
from wherry.rollout.targets import DEPLOYMENTS, Named
from wherry.rules.objects import selectors


class RehearsalError(WherryError):
    """The rehearsal cannot be played as asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class Held:
    """An object that is stored before anything runs."""

    resource: Resource
    object: Obj


@dataclass(frozen=True, slots=True)
class World:
    """`held` stands in the store from the start, `made` is created while the cluster runs (in this order) and rolled out before the play.

    `standing`: uids of pods that only take room: their containers are never looked at. `missing`: images that do not come.
    `wanted`: the workload as a manifest changes it.
    """

    target: Named
    namespace: str
    workload: Obj
    nodes: tuple[Obj, ...]
    held: tuple[Held, ...] = ()
    made: tuple[Held, ...] = ()
    standing: frozenset[str] = frozenset()
    own_pods: tuple[Obj, ...] = ()
    missing: tuple[str, ...] = ()
    wanted: Obj | None = None
    notes: tuple[str, ...] = ()

    def is_own(self, pod: Obj) -> bool:
        """A pod of the workload, going by namespace, labels and controller."""
        owner = controller_of(pod)
        if owner is None or namespace(pod) != self.namespace:
            return False
        if self.target.resource is DEPLOYMENTS:
            if owner["kind"] != "ReplicaSet" or not owner["name"].startswith(self.target.name + "-"):
                return False
        elif (owner["kind"], owner["name"]) != (self.target.resource.kind, self.target.name):
            return False
        return selectors.from_label_selector(self.workload["spec"]["selector"]).matches(labels(pod))
