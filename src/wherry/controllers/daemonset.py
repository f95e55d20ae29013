"""The DaemonSet controller: gathers a DaemonSet with its pods, revisions and all nodes, asks the rules what to create or delete, applies
it, writes the status.

Watches DaemonSets, their pods and revisions (and orphans that a selector might match), and nodes as far as they matter for placing. It
keeps in mind the pauses between deletions of failed pods, and which nodes a template is for. Rules: `wherry.rules.workloads.daemonset`.
Source of the wiring: pkg/controller/daemon/daemon_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api import objects
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.controllers import revisions
from wherry.controllers.batching import patience, respecified
from wherry.controllers.revisions import REVISIONS
from wherry.reconcile import Controller, Parts, raise_unless_gone
from wherry.rules.objects import ownership
from wherry.rules.objects.plan import Action, Plan
from wherry.rules.pods import changes as pod_changes
from wherry.rules.workloads.daemonset import backoff, events, nodes
from wherry.rules.workloads.daemonset.gather import Own, gather, refusal
from wherry.rules.workloads.daemonset.history import code_of, plan_history, truncated
from wherry.rules.workloads.daemonset.plan import Decision, decide
from wherry.rules.workloads.daemonset.pod import target_node
from wherry.rules.workloads.daemonset.status import plan_status
from wherry.rules.workloads.daemonset.view import View
from wherry.rules.workloads.replicaset.replicas import real_error

DAEMON_SETS = resource("daemonsets", "apps")
PODS = resource("pods")
NODES = resource("nodes")

#: a look sees every pod and node
SECONDS_PER_POD = 0.0001
BY_NODE = "daemon node"


def _daemon_node(pod: Obj) -> tuple[str, ...]:
    """An index: the node that a daemon pod is on or for."""
    ref = objects.controller_of(pod)
    return (target_node(pod),) if ref is not None and ref.get("kind") == "DaemonSet" else ()


class DaemonSetController(Controller):
    """Its keys are those of DaemonSets."""

    name = "daemonset-controller"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._pauses: dict[str, backoff.Pause] = {}
        self._eligible: dict[str, tuple[Obj, nodes.Eligibility]] = {}
        self._sets, self._pods, self._revisions, self._nodes = map(self.informer, (DAEMON_SETS, PODS, REVISIONS, NODES))
        for informer in (self._pods, self._revisions):
            informer.add_index("orphan", ownership.orphan_of)
        self._pods.add_index(BY_NODE, _daemon_node)
        self.watch(DAEMON_SETS, self._of_daemon_set, self._patience, respecified)
        self.watch(PODS, self._of_pod, self._patience)
        self.watch(REVISIONS, self._of_revision)
        self.watch(NODES, self._of_node)

    async def reconcile(self, key: str) -> float | None:
        daemon_set = self._sets.get(key)
        if daemon_set is None:
            return None
        if (refused := refusal(daemon_set)) is not None:
            await self.apply(Plan((refused,)))
            return None
        own = self._gather(daemon_set)
        if own is None or objects.is_deleting(daemon_set):
            return None  # while it is being deleted its pods and revisions are the garbage collector's
        if own.claims:
            await self.claim(own.claims)
            return None
        history = plan_history(daemon_set, own.revisions, own.pods)
        if history.present is None:
            await revisions.write(self, daemon_set, history.plan)
            return None
        return await self._manage(daemon_set, own, code_of(history.present), history.old)

    def _gather(self, daemon_set: Obj) -> Own | None:
        uid, namespace = objects.uid(daemon_set), objects.namespace(daemon_set)
        pods, history = (
            [*informer.by_index("owner", uid), *informer.by_index("orphan", namespace)] for informer in (self._pods, self._revisions)
        )
        return gather(daemon_set, pods, history)

    async def _manage(self, daemon_set: Obj, own: Own, code: str, old: tuple[Obj, ...]) -> float | None:
        view = View.of(daemon_set, code, self._verdicts(daemon_set), own.pods, self.clock.now())
        decision = decide(view, self._pauses, iter(self.parts.suffix, ""))
        error = await self._carry_out(daemon_set, decision)
        if decision.creates or decision.deletes:  # what was written is known already
            own = self._gather(daemon_set) or own
            view = View.of(daemon_set, code, self._verdicts(daemon_set), own.pods, view.now)
        status = plan_status(view)
        forgotten = truncated(daemon_set, old, own.pods) if error is None else ()
        written = await self.apply(Plan((*status.actions, *forgotten)))
        raise_unless_gone(error)
        raise_unless_gone(written.error)
        return min((t for t in (decision.requeue_after, status.requeue_after) if t is not None), default=None)

    def _verdicts(self, daemon_set: Obj) -> dict[str, nodes.Verdict]:
        """Which nodes should have a pod; what was found out is remembered for as long as the template stays."""
        uid, template = objects.uid(daemon_set), daemon_set["spec"]["template"]
        remembered = self._eligible.get(uid)
        if remembered is None or remembered[0] != template:
            remembered = self._eligible[uid] = (template, nodes.Eligibility(template))
        return remembered[1].of_all(self._nodes.items())

    async def _carry_out(self, daemon_set: Obj, decision: Decision) -> StatusError | None:
        self._pauses = {**backoff.remembered(self._pauses, self.clock.now()), **decision.pauses} if decision.pauses else self._pauses
        await self.apply(Plan(decision.events))
        errors = [await self._stage(daemon_set, stage) for stage in (decision.creates, decision.deletes)]
        return next((error for error in errors if error is not None), None)

    async def _stage(self, daemon_set: Obj, actions: tuple[Action, ...]) -> StatusError | None:
        if not actions:
            return None
        applied = await self.apply(Plan(actions))
        await self.apply(Plan(events.told(daemon_set, applied.done, applied.failed, applied.error)))
        return real_error(applied.error)

    def _of_daemon_set(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        if new is None and old is not None:
            self._eligible.pop(objects.uid(old), None)
            return ()
        return (objects.key(new),) if new is not None else ()

    def _patience(self, key: str) -> float:
        top = self._sets.get(key)
        return patience(self._pods.count("owner", objects.uid(top)), SECONDS_PER_POD) if top is not None else 0.0

    def _of_pod(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        return self._of_owned(old, new) if pod_changes.matters(old, new) else ()

    def _of_owned(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        owners = self._sets.by_index("namespace", objects.namespace(new)) if new is not None else ()
        return ownership.keys_of(old, new, "DaemonSet", owners)

    def _of_revision(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        """A revision that comes with its owner changes nothing; not even an equal one is looked at before something else happens."""
        made = old is None and new is not None and objects.controller_of(new) is not None
        return () if made else self._of_owned(old, new)

    def _of_node(self, old: Obj | None, new: Obj | None) -> Iterable[str]:
        if new is None:
            return self._left_behind(objects.name(old)) if old is not None else ()
        if old is not None and nodes.is_same_place(old, new):
            return ()
        there = {key for pod in self._pods.by_index(BY_NODE, objects.name(new)) for key in ownership.owner_keys(pod, "DaemonSet")}
        return [key for each in self._sets.items() if nodes.concerns(each, new, (key := objects.key(each)) in there)]

    def _left_behind(self, node: str) -> Iterable[str]:
        """A node is gone: pods that still waited for it have nobody else who ends them."""
        waiting = (p for p in self._pods.by_index(BY_NODE, node) if not p["spec"].get("nodeName"))
        return {key for pod in waiting for key in ownership.owner_keys(pod, "DaemonSet")}
