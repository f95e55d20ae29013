"""Random walks: users, faulty pods and crashing controllers in any order; the promises of a rollout hold after every step.

A walk is a list of moves, each named and with a number that picks what it is done to. At its end all faults stop, and the Deployment must
arrive where its spec says.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.rules.workloads.deployment.workload_world import Crash, World, deployment, template
from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.workloads.deployment import annotations as notes
from wherry.rules.workloads.deployment import replica_sets, strategy
from wherry.rules.workloads.deployment.rollout import Rollout
from wherry.rules.workloads.deployment.scale import is_scaling_event
from wherry.rules.workloads.template_hash import canonical, without_hash

IMAGES = 5
BAD = "never:0"  # no pod of this image is ever ready
HISTORY = 2

MOVES = (
    *["sync"] * 4, *["replica set"] * 4, *["ready"] * 3, *["finish"] * 2, *["unready"] * 2, "settle", "fail", "delete pod", "scale",
    "image", "whole rollout", "undo", "same again", "pause", "resume", "crash", "tick",
)
NOTHING_NEW: tuple[dict[str, Any], ...] = (
    {"hostNetwork": False}, {"nodeSelector": {}}, {"volumes": []}, {"hostname": ""}, {"initContainers": None},
)
STRATEGIES: tuple[dict[str, Any], ...] = (
    {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
    {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "40%"}},
    {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 0}},
    {"type": "Recreate"},
)


def picked(items: list[Any], number: int) -> Any:
    return items[number % len(items)] if items else None


class Walk:
    def __init__(self, strategy_: dict[str, Any], replicas: int, min_ready: int) -> None:
        self.world = World()
        self.min_ready = min_ready
        self.world.create(deployment(strategy=strategy_, replicas=replicas, minReadySeconds=min_ready, revisionHistoryLimit=HISTORY))

    # --- what there is ---
    @property
    def top(self) -> Obj:
        return self.world.get("Deployment", "web")

    @property
    def sets(self) -> list[Obj]:
        return self.world.all("ReplicaSet")

    def rollout(self) -> Rollout:
        return Rollout.of(self.top, self.sets, {}, self.world.now)

    def pods(self, *, ready: bool | None = None, going: bool = False) -> list[str]:
        def is_ready(pod: Obj) -> bool:
            return (objects.condition(pod, "Ready") or {}).get("status") == "True"

        alive = [p for p in self.world.all("Pod") if p["status"]["phase"] != "Failed" and objects.is_deleting(p) == going]
        return [objects.name(p) for p in alive if ready is None or is_ready(p) == ready]

    # --- moves ---
    def move(self, what: str, number: int) -> None:
        getattr(self, "do_" + what.replace(" ", "_"))(number)

    def do_sync(self, number: int) -> None:
        before, sizes = self.rollout(), {objects.uid(rs): replica_sets.size(rs) for rs in self.sets}
        with suppress(Crash):
            self.world.sync_deployment("web")
        self.check_round(before, sizes)

    def do_replica_set(self, number: int) -> None:
        replica_set = picked(self.sets, number)
        if replica_set is None:
            return
        names = {objects.name(p) for p in self.world.pods_of(replica_set)}
        ready = len(names & set(self.pods(ready=True)))
        with suppress(Crash):
            self.world.sync_replica_set(objects.name(replica_set))
        left = len(names & set(self.pods(ready=True)))
        assert left >= min(ready, replica_sets.size(replica_set)), "a ready pod went although an unready one was there"

    def do_settle(self, number: int) -> None:
        for _ in range(200):
            version, armed = next(self.world.versions), self.world.crash_after is not None
            self.do_sync(0)
            for index in range(len(self.sets)):
                self.do_replica_set(index)
            crashed = armed and self.world.crash_after is None
            if next(self.world.versions) == version + 1 and not crashed:
                break
        else:
            raise AssertionError("the controllers never come to rest")
        self.check_rest()

    def do_ready(self, number: int) -> None:
        waiting = [n for n in self.pods(ready=False) if self.world.get("Pod", n)["spec"]["containers"][0]["image"] != BAD]
        if (name := picked(waiting, number)) is not None:
            self.world.set_pod(name, ready=True)

    def do_unready(self, number: int) -> None:
        if (name := picked(self.pods(ready=True), number)) is not None:
            self.world.set_pod(name, ready=False)

    def do_fail(self, number: int) -> None:
        if (name := picked(self.pods(), number)) is not None:
            self.world.set_pod(name, ready=False, phase="Failed")

    def do_finish(self, number: int) -> None:
        if (name := picked(self.pods(going=True), number)) is not None:
            self.world.finish(name)

    def do_delete_pod(self, number: int) -> None:
        if (name := picked(self.pods(), number)) is not None:
            self.world.delete("Pod", name)

    def do_scale(self, number: int) -> None:
        self.world.edit("Deployment", "web", replicas=number % 9)

    def do_image(self, number: int) -> None:
        image = number % (IMAGES + 1)
        self.world.edit("Deployment", "web", template=template(BAD if image == IMAGES else f"nginx:{image}"))

    def do_whole_rollout(self, number: int) -> None:
        """An update that goes well from end to end."""
        self.do_image(number % IMAGES)
        self.arrive()

    def do_undo(self, number: int) -> None:
        """Back to a revision that is still there: it must be that very ReplicaSet that becomes the new one."""
        if (target := picked(self.sets, number)) is None:
            return
        self.world.edit("Deployment", "web", template=without_hash(target["spec"]["template"]))
        assert self.rollout().new is target

    def do_same_again(self, number: int) -> None:
        """The same template in other words is no new revision."""
        new, spec = self.rollout().new, self.top["spec"]["template"]["spec"]
        same = {**self.top["spec"]["template"], "spec": {**spec, **picked(list(NOTHING_NEW), number)}}
        self.world.edit("Deployment", "web", template=same)
        assert self.rollout().new is new

    def do_pause(self, number: int) -> None:
        self.world.edit("Deployment", "web", paused=True)

    def do_resume(self, number: int) -> None:
        self.world.edit("Deployment", "web", paused=False)

    def do_crash(self, number: int) -> None:
        self.world.crash_after = number % 4

    def do_tick(self, number: int) -> None:
        self.world.now += (1, 5, 700)[number % 3]

    # --- promises ---
    def check_round(self, before: Rollout, sizes: dict[str, int]) -> None:
        """One round of the Deployment's controller, whatever it knew."""
        after = {objects.uid(rs): replica_sets.size(rs) for rs in self.sets}
        total_before, total_after = sum(sizes.values()), sum(after.values())
        assert total_after <= max(total_before, before.most), "more pods than the surge allows"
        if strategy.is_rolling(before.deployment) and not before.is_paused and not is_scaling_event(before):
            known = {objects.uid(rs): replica_sets.observed(rs, "availableReplicas") for rs in before.all}
            kept_before = sum(min(sizes[uid], n) for uid, n in known.items())
            kept_after = sum(min(after.get(uid, 0), n) for uid, n in known.items())
            assert kept_after >= min(kept_before, before.min_available), "too few pods stay available"
        self.check_history(before)

    def check_history(self, before: Rollout) -> None:
        present = {objects.name(rs): rs for rs in self.sets}
        kept = replica_sets.by_revision(before.old)[-HISTORY:]
        assert all(objects.name(rs) in present for rs in kept), "a revision within the limit is gone"
        for replica_set in before.all:
            if (now := present.get(objects.name(replica_set))) is not None:
                assert (notes.revision(now) or 0) >= (notes.revision(replica_set) or 0), "a revision went back"
        assert (notes.revision(self.top) or 0) >= (notes.revision(before.deployment) or 0), "the Deployment's revision went back"
        templates = [canonical(rs["spec"]["template"]) for rs in self.sets]
        assert len(set(templates)) == len(templates), "one template, two revisions"

    def check_rest(self) -> None:
        """When the controllers are quiet, statuses say what is there, and pods are within bounds."""
        for replica_set in self.sets:
            status, pods = replica_set["status"], self.world.pods_of(replica_set)
            mine = {objects.name(p) for p in pods}
            assert status["replicas"] == replica_sets.size(replica_set) == len(mine & set(self.pods()))
            assert status.get("readyReplicas", 0) == len(mine & set(self.pods(ready=True)))
            assert status.get("terminatingReplicas") == len(mine & set(self.pods(going=True)))
        if self.top["spec"].get("paused"):
            return
        assert len(self.pods()) <= self.rollout().most, "more pods than the surge allows"

    def arrive(self) -> None:
        """All faults stop; then everything is as the spec says."""
        self.world.crash_after = None
        self.do_resume(0)
        if self.top["spec"]["template"]["spec"]["containers"][0]["image"] == BAD:
            self.do_image(0)
        quiet = 0
        while quiet < 2:  # once more after minReadySeconds have passed
            self.do_settle(0)
            waiting = [n for n in self.pods(ready=False) if self.world.get("Pod", n)["spec"]["containers"][0]["image"] != BAD]
            going = self.pods(going=True)
            for name in waiting:
                self.world.set_pod(name, ready=True)
            for name in going:
                self.world.finish(name)
            self.world.now += self.min_ready + 1
            quiet = 0 if waiting or going else quiet + 1
        self.check_arrived()

    def check_arrived(self) -> None:
        rollout, desired = self.rollout(), self.top["spec"]["replicas"]
        assert rollout.new is not None
        assert [replica_sets.size(rs) for rs in rollout.old] == [0] * len(rollout.old)
        assert len(rollout.old) <= HISTORY
        assert len(self.world.pods_of(rollout.new)) >= desired == len(self.pods(ready=True)) == len(self.pods())
        status = self.top["status"]
        assert [status.get(k, 0) for k in ("replicas", "updatedReplicas", "availableReplicas")] == [desired] * 3
        assert "unavailableReplicas" not in status
        assert status["observedGeneration"] == self.top["metadata"]["generation"]
        said = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
        assert said == {"Available": ("True", "MinimumReplicasAvailable"), "Progressing": ("True", "NewReplicaSetAvailable")}
        revisions = [notes.revision(rs) or 0 for rs in rollout.old]
        assert notes.revision(self.top) == notes.revision(rollout.new)
        assert (notes.revision(rollout.new) or 0) > max(revisions, default=0)


steps = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 30)), min_size=15, max_size=50)
WALKS = int(os.environ.get("WHERRY_WALKS", "100"))
#: scaled while paused to a size that the old ReplicaSet has by chance
BY_CHANCE = [
    *[("sync", 0)] * 5, ("scale", 8), ("sync", 0), ("image", 0), ("sync", 0), ("replica set", 0), ("scale", 30), ("pause", 0),
    ("sync", 0), ("sync", 0), ("scale", 4),
]


@example(STRATEGIES[0], 0, 0, BY_CHANCE)
@settings(max_examples=WALKS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(STRATEGIES), st.integers(0, 8), st.sampled_from([0, 3]), steps)
def test_every_walk_keeps_the_promises_and_arrives(
    strategy_: dict[str, Any], replicas: int, min_ready: int, moves: list[tuple[str, int]]
) -> None:
    walk = Walk(strategy_, replicas, min_ready)
    for what, number in moves:
        walk.move(what, number)
    walk.arrive()
