"""Random walks: users, nodes that come and go, faulty pods, late news, refused writes and a crashing controller in any order; the promises
hold after every step.

A walk is a list of moves, each named and with a number that picks what it is done to. At its end all faults stop, and the DaemonSet must
arrive where its spec says. What the controller may know is what its informers were told; promises are judged by that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.rules.workloads.daemonset.daemon_world import ON_DELETE, change_template, daemon_set, daemon_world, node, rolling
from tests.worlds.memory import image_of, is_ready, template
from wherry.api import errors, objects
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.rules.pods.state_of_replica import is_available, is_terminal
from wherry.rules.workloads import revisions
from wherry.rules.workloads.daemonset import strategy
from wherry.rules.workloads.daemonset.nodes import Eligibility
from wherry.rules.workloads.daemonset.pod import is_updated, target_node
from wherry.rules.workloads.revisions import POD_LABEL
from wherry.rules.workloads.template_hash import canonical

BAD = "never:0"  # no pod of this image is ever ready
HISTORY = 2
MOVES = (
    *["sync"] * 6, *["ready"] * 5, *["finish"] * 3, *["unready"] * 2, *["settle"] * 2, *["image"] * 2, "deliver", "lag", "fail",
    "delete pod", "strategy", "undo", "same again", "whole rollout", "crash", "restart", "refuse",
    "tick", "orphan", "add node", "remove node", "taint", "label", "select", "collect",
)
STRATEGIES = (rolling(), rolling(2), rolling("50%"), rolling(0, 1), rolling(0, "40%"), rolling(1, 2), ON_DELETE)
TAINTS: tuple[list[Obj], ...] = (
    [], [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}], [{"key": "broken", "effect": "NoExecute"}],
    [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}],
)
NOTHING_NEW: tuple[dict[str, Any], ...] = ({"hostNetwork": False}, {"nodeSelector": {}}, {"volumes": []}, {"initContainers": None})
PODS, SETS, NODES = resource("pods"), resource("daemonsets", "apps"), resource("nodes")


def picked(items: list[Any], number: int) -> Any:
    return items[number % len(items)] if items else None


@dataclass
class Known:
    """What the controller knows before it works."""

    top: Obj
    nodes: dict[str, Obj]
    pods: list[Obj]
    code: str
    now: float

    def on(self, name: str, *, going: bool | None = False) -> list[Obj]:
        there = [p for p in self.pods if target_node(p) == name and not (is_terminal(p) and objects.is_deleting(p))]
        return [p for p in there if going is None or objects.is_deleting(p) == going]

    def works(self, pod: Obj) -> bool:
        return is_available(pod, self.top["spec"].get("minReadySeconds", 0), self.now)

    def updated(self, pod: Obj) -> bool:
        return is_updated(pod, self.code, strategy.template_generation(self.top))

    def may(self, name: str) -> tuple[bool, bool]:
        return Eligibility(self.top["spec"]["template"]).of(self.nodes[name])

    def desired(self) -> int:
        return sum(self.may(name)[0] for name in self.nodes)


class Walk:
    def __init__(self, updates: Obj, count: int, min_ready: int) -> None:
        self.world = daemon_world(count)
        self.min_ready = min_ready
        self.world.create(daemon_set(updateStrategy=updates, minReadySeconds=min_ready, revisionHistoryLimit=HISTORY))

    # --- what there is ---
    @property
    def top(self) -> Obj:
        return self.world.get("DaemonSet", "agent")

    def pods(self, *, going: bool = False, ready: bool | None = None) -> list[str]:
        found = [p for p in self.world.pods(going=going) if ready is None or is_ready(p) == ready]
        return [objects.name(p) for p in found if going or not is_terminal(p)]

    def known(self) -> Known:
        of = self.world.informers.of
        top = of(SETS).get("default/agent") or self.top
        present = [r for r in self.world.all("ControllerRevision") if revisions.is_of(r, top)]
        pods = [p for p in of(PODS).items() if objects.is_controlled_by(p, top)]
        code = objects.labels(present[0])[POD_LABEL] if present else ""
        return Known(top, {objects.name(n): n for n in of(NODES).items()}, pods, code, self.world.now)

    # --- moves ---
    def move(self, what: str, number: int) -> None:
        getattr(self, "do_" + what.replace(" ", "_"))(number)

    def do_sync(self, number: int) -> bool:
        known, kept = self.known(), {objects.name(r): revisions.number(r) for r in self.world.all("ControllerRevision")}
        start = len(self.world.moves)
        worked = self.world.sync()
        created, deleted = ([m[1] for m in self.world.moves[start:] if m[0] == what] for what in ("created", "deleting"))
        self.check_created(known, [self.world.get("Pod", name) for name in created])
        self.check_deleted(known, [p for p in known.pods if objects.name(p) in deleted])
        self.check_history(kept)
        return worked

    def do_settle(self, number: int) -> None:
        self.world.deliver()
        self.world.lagging = False
        for _ in range(500):
            if not self.do_sync(0):
                return
        raise AssertionError("the controller never comes to rest")

    def do_deliver(self, number: int) -> None:
        self.world.deliver(number)

    def do_lag(self, number: int) -> None:
        self.world.lagging = True

    def do_ready(self, number: int) -> None:
        waiting = [n for n in self.pods(ready=False) if image_of(self.world.get("Pod", n)) != BAD]
        if (name := picked(waiting, number)) is not None:
            self.run_pod(name, ready=True)

    def run_pod(self, name: str, **status: Any) -> None:
        """A pod runs on its node, if that is there."""
        where = target_node(self.world.get("Pod", name))
        if ("Node", where) in self.world.objects:
            self.world.set_pod(name, **status)

    def do_unready(self, number: int) -> None:
        if (name := picked(self.pods(ready=True), number)) is not None:
            self.run_pod(name, ready=False)

    def do_fail(self, number: int) -> None:
        if (name := picked(self.pods(), number)) is not None:
            self.run_pod(name, ready=False, phase=("Failed", "Succeeded")[number % 2])

    def do_finish(self, number: int) -> None:
        if (name := picked(self.pods(going=True), number)) is not None:
            self.world.finish("Pod", name)

    def do_delete_pod(self, number: int) -> None:
        if (name := picked(self.pods(), number)) is not None:
            self.world.delete("Pod", name)

    def do_orphan(self, number: int) -> None:
        if (name := picked(self.pods(), number)) is not None:
            self.world.update(objects.with_metadata(self.world.get("Pod", name), ownerReferences=None))

    def do_strategy(self, number: int) -> None:
        self.world.edit("agent", updateStrategy=picked(list(STRATEGIES), number))

    def do_image(self, number: int) -> None:
        image = number % 6
        change_template(self.world, "agent", self.with_selector(template(BAD if image == 5 else f"agent:{image}", "agent")))

    def with_selector(self, new: Obj) -> Obj:
        selector = self.top["spec"]["template"]["spec"].get("nodeSelector")
        return {**new, "spec": {**new["spec"], "nodeSelector": selector}} if selector else new

    def do_select(self, number: int) -> None:
        """Only some nodes, or all again."""
        old = self.top["spec"]["template"]
        spec = {k: v for k, v in old["spec"].items() if k != "nodeSelector"}
        change_template(self.world, "agent", {**old, "spec": {**spec, "nodeSelector": {"role": "worker"}} if number % 2 else spec})

    def do_whole_rollout(self, number: int) -> None:
        """An update that goes well from end to end."""
        self.do_image(number % 5)
        self.arrive()

    def do_undo(self, number: int) -> None:
        if (target := picked(self.world.all("ControllerRevision"), number)) is not None:
            change_template(self.world, "agent", revisions.template_of(target, self.top))

    def do_same_again(self, number: int) -> None:
        """The same template in other words is no new revision."""
        self.world.refuse = lambda verb, obj: None
        self.do_settle(0)
        self.world.tick(1)  # what failed before is tried again
        self.do_settle(0)
        before, spec = len(self.world.revisions), self.top["spec"]["template"]["spec"]
        extra = {k: v for k, v in picked(list(NOTHING_NEW), number).items() if k not in spec}
        change_template(self.world, "agent", {**self.top["spec"]["template"], "spec": {**spec, **extra}})
        self.do_settle(0)
        assert len(self.world.revisions) == before

    def do_add_node(self, number: int) -> None:
        name = f"node-{number % 8 + 1}"
        if ("Node", name) not in self.world.objects:
            self.world.create(node(name, {"role": "worker"} if number % 2 else {}))

    def do_remove_node(self, number: int) -> None:
        if (found := picked(self.world.all("Node"), number)) is not None:
            self.world.finish("Node", objects.name(found))

    def do_collect(self, number: int) -> None:
        """Pods on nodes that are gone are ended by the pod garbage collector."""
        for pod in self.world.pods():
            if pod["spec"].get("nodeName") and ("Node", pod["spec"]["nodeName"]) not in self.world.objects:
                self.world.finish("Pod", objects.name(pod))

    def do_taint(self, number: int) -> None:
        if (found := picked(self.world.all("Node"), number)) is not None:
            self.world.update({**found, "spec": {"taints": TAINTS[number // 3 % len(TAINTS)]}})

    def do_label(self, number: int) -> None:
        if (found := picked(self.world.all("Node"), number)) is not None:
            self.world.update(objects.with_metadata(found, labels={"role": "worker"} if number % 3 else {}))

    def do_crash(self, number: int) -> None:
        self.world.crash_after = number % 4

    def do_restart(self, number: int) -> None:
        self.world.start()

    def do_refuse(self, number: int) -> None:
        """The next write fails, after a few that do not."""
        left = [number % 3]

        def refuse(verb: str, obj: Obj) -> errors.StatusError | None:
            left[0] -= 1
            return errors.Forbidden("exceeded quota") if left[0] == -1 else None

        self.world.refuse = refuse

    def do_tick(self, number: int) -> None:
        self.world.tick((1, 2, 30)[number % 3])

    # --- promises ---
    def check_created(self, known: Known, created: list[Obj]) -> None:
        places = [target_node(p) for p in created]
        assert len(set(places)) == len(places), "two pods for one node at a time"
        surges = 0
        for name in places:
            assert known.may(name)[0], "a pod for a node that should have none"
            staying = [p for p in known.on(name) if not is_terminal(p)]
            if not strategy.allows_surge(known.top):
                assert not known.on(name, going=None), "a second pod on a node"
            assert len(staying) <= 1, "a third pod on a node"
            assert not any(map(known.updated, staying)), "a second updated pod on a node"
            surges += any(map(known.works, staying))
        if surges:
            doubled = [n for n in known.nodes if len(known.on(n)) > 1 and not any(known.works(p) for p in known.on(n) if known.updated(p))]
            assert surges + len(doubled) <= strategy.limits(known.top, known.desired())[0], "more surge than allowed"

    def check_deleted(self, known: Known, deleted: list[Obj]) -> None:
        """Deleting the one pod of a node that works takes a reason, and room."""
        here = [p for p in deleted if target_node(p) in known.nodes and known.may(target_node(p))[1]]
        updates = [p for p in here if known.works(p) and not is_terminal(p) and len(known.on(target_node(p))) == 1]
        if not updates:
            return
        assert strategy.is_rolling(known.top), "a pod that works was deleted"
        assert not any(map(known.updated, updates)), "an updated pod was deleted"
        surge, unavailable = strategy.limits(known.top, known.desired())
        if surge:
            assert all(not known.may(target_node(p))[0] for p in updates), "an old pod went before the new one was there"
            working = sum(any(map(known.works, known.on(n))) for n in known.nodes)
            assert working - len(updates) >= known.desired(), "too few pods left"
        else:
            broken = sum(not any(map(known.works, known.on(n))) for n in known.nodes if known.may(n)[0] or known.on(n, going=None))
            assert broken + len(updates) <= unavailable, "too many pods unavailable"

    def check_history(self, before: dict[str, int]) -> None:
        present = {objects.name(r): r for r in self.world.all("ControllerRevision")}
        templates = [canonical(revisions.template_of(r, self.top)) for r in present.values()]
        assert len(set(templates)) == len(templates), "one template, two revisions"
        assert all(revisions.number(present[n]) >= number for n, number in before.items() if n in present), "a revision went back"
        if gone := [n for n in before if n not in present]:
            assert len(present) > HISTORY, "a revision within the limit is gone"
            live = {objects.labels(p).get(POD_LABEL) for p in self.known().pods}
            others = [number for n, number in before.items() if n in present and n.rpartition("-")[2] not in live]
            assert max(before[n] for n in gone) < min(others, default=10**6), "a younger revision is gone before an older one"

    def arrive(self) -> None:
        """All faults stop; then everything is as the spec says."""
        self.world.crash_after, self.world.refuse = None, lambda verb, obj: None
        if self.top["spec"]["template"]["spec"]["containers"][0]["image"] == BAD:
            self.do_image(0)
        if not strategy.is_rolling(self.top):
            self.do_strategy(0)
        quiet = 0
        for _ in range(400):
            self.do_settle(0)
            quiet = 0 if self.nodes_act() else quiet + 1
            self.world.tick(self.min_ready + 1 if quiet < 3 else 901)
            if quiet == 6:
                return self.check_arrived()
        raise AssertionError("it never arrives")

    def nodes_act(self) -> bool:
        busy = False
        self.do_collect(0)
        for name in self.pods(going=True):
            self.world.finish("Pod", name)
            busy = True
        for name in self.pods(ready=False):
            if image_of(self.world.get("Pod", name)) != BAD:
                self.run_pod(name, ready=True)
                busy = True
        return busy

    def check_arrived(self) -> None:
        top, known = self.top, self.known()
        wanted = [n for n in known.nodes if known.may(n)[0]]
        kept = [n for n in known.nodes if known.may(n)[1] and not known.may(n)[0]]
        on = {n: [p for p in self.world.pods() if target_node(p) == n] for n in known.nodes}
        assert [len(on[n]) for n in wanted] == [1] * len(wanted)
        assert all(n in kept for n, pods in on.items() if pods and n not in wanted)
        assert len(self.world.pods()) == sum(map(len, on.values()))
        mine = [on[n][0] for n in wanted]
        assert all(map(is_ready, mine))
        assert all(map(known.updated, mine))
        newest = max(self.world.all("ControllerRevision"), key=revisions.number)
        assert objects.labels(newest)[POD_LABEL] == known.code
        status = top["status"]
        counts = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable")
        assert [status.get(k, 0) for k in counts] == [len(wanted)] * 5
        assert status.get("numberUnavailable", 0) == 0
        assert status["numberMisscheduled"] == sum(bool(on[n]) for n in kept)
        assert status["observedGeneration"] == top["metadata"]["generation"]
        live = {objects.labels(p)[POD_LABEL] for p in self.world.pods()}
        assert len(self.world.all("ControllerRevision")) <= HISTORY + 1 + len(live)


steps = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 30)), min_size=15, max_size=50)
WALKS = int(os.environ.get("WHERRY_WALKS", "100"))
TAINTED = [*[("sync", 0)] * 12, ("add node", 0), ("whole rollout", 0), ("taint", 15)]
#: a pod whose owner was taken off is gone before it can be adopted
ORPHANED = [
    *[("sync", 0)] * 9, ("lag", 0), ("orphan", 0), ("deliver", 1), ("delete pod", 0), ("finish", 0), ("sync", 0),
]


@example(rolling(), 0, 0, TAINTED)
@example(rolling(), 1, 0, ORPHANED)
@settings(max_examples=WALKS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(STRATEGIES), st.integers(0, 6), st.sampled_from([0, 3]), steps)
def test_every_walk_keeps_the_promises_and_arrives(updates: Obj, count: int, min_ready: int, moves: list[tuple[str, int]]) -> None:
    walk = Walk(updates, count, min_ready)
    for what, number in moves:
        walk.move(what, number)
    walk.arrive()
