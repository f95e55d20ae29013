"""Random walks: users, faulty pods, late news, refused writes and a crashing controller in any order; the promises hold after every step.

A walk is a list of moves, each named and with a number that picks what it is done to. At its end all faults stop, and the StatefulSet must
arrive where its spec says. What the controller may know is what its informers were told; promises are judged by that.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.rules.workloads.statefulset.stateful_world import ON_DELETE, claim_template, rolling, stateful_set, stateful_world
from tests.worlds.memory import image_of, is_ready, template
from wherry.api import errors, objects
from wherry.api.objects import Obj
from wherry.api.resources import resource
from wherry.rules.pods.state_of_replica import is_available, is_terminal
from wherry.rules.workloads import revisions
from wherry.rules.workloads.revisions import POD_LABEL
from wherry.rules.workloads.statefulset import identity, strategy
from wherry.rules.workloads.template_hash import canonical

BAD = "never:0"  # no pod of this image is ever ready
HISTORY = 2
MOVES = (
    *["sync"] * 6, *["ready"] * 4, *["finish"] * 3, *["unready"] * 2, *["settle"] * 2, *["image"] * 2, "deliver", "lag", "fail",
    "delete pod", "scale", "start", "partition", "unavailable", "on delete", "undo", "same again", "whole rollout", "crash", "restart",
    "refuse", "tick", "orphan", "delete claim", "finish claim", "retention",
)
NOTHING_NEW: tuple[dict[str, Any], ...] = ({"hostNetwork": False}, {"nodeSelector": {}}, {"volumes": []}, {"initContainers": None})
PODS, SETS, CLAIMS = resource("pods"), resource("statefulsets", "apps"), resource("persistentvolumeclaims")


def picked(items: list[Any], number: int) -> Any:
    return items[number % len(items)] if items else None


@dataclass
class Known:
    """What the controller knows before it works."""

    top: Obj
    pods: dict[int, Obj]
    now: float

    def ordinals(self) -> range:
        return identity.ordinals(self.top)

    def works(self, ordinal: int) -> bool:
        pod = self.pods.get(ordinal)
        min_ready = self.top["spec"].get("minReadySeconds", 0)
        return pod is not None and not objects.is_deleting(pod) and is_available(pod, min_ready, self.now)


class Walk:
    def __init__(self, policy: str, replicas: int, min_ready: int, forced: bool, claims: bool) -> None:
        self.world = stateful_world()
        self.min_ready, self.forced = min_ready, forced
        top = stateful_set(podManagementPolicy=policy, replicas=replicas, minReadySeconds=min_ready, revisionHistoryLimit=HISTORY)
        if claims:
            top["spec"]["volumeClaimTemplates"] = [claim_template(), claim_template("log")]
        if forced:
            top["metadata"]["annotations"] = {strategy.FORCED_ROLLBACK: "true"}
        self.world.create(top)

    # --- what there is ---
    @property
    def top(self) -> Obj:
        return self.world.get("StatefulSet", "web")

    def pods(self, *, going: bool = False, ready: bool | None = None) -> list[str]:
        found = [p for p in self.world.pods(going=going) if ready is None or is_ready(p) == ready]
        return [objects.name(p) for p in found if going or not is_terminal(p)]

    def known(self) -> Known:
        informers = self.world.informers
        top = informers.of(SETS).get("default/web") or self.top
        pods = {identity.ordinal_of("web", objects.name(p)): p for p in informers.of(PODS).items()}
        return Known(top, {ordinal: p for ordinal, p in pods.items() if ordinal >= 0}, self.world.now)

    # --- moves ---
    def move(self, what: str, number: int) -> None:
        getattr(self, "do_" + what.replace(" ", "_"))(number)

    def do_sync(self, number: int) -> bool:
        known, kept = self.known(), {objects.name(r): revisions.number(r) for r in self.world.all("ControllerRevision")}
        start, status = len(self.world.moves), self.top.get("status")
        worked = self.world.sync()
        moves = self.world.moves[start:]
        created, deleted = ([identity.ordinal_of("web", m[1]) for m in moves if m[0] == what] for what in ("created", "deleting"))
        self.check_created(known, created)
        self.check_deleted(known, deleted)
        self.check_history(kept, status)
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
            self.world.set_pod(name, ready=True)

    def do_unready(self, number: int) -> None:
        if (name := picked(self.pods(ready=True), number)) is not None:
            self.world.set_pod(name, ready=False)

    def do_fail(self, number: int) -> None:
        if (name := picked(self.pods(), number)) is not None:
            self.world.set_pod(name, ready=False, phase=("Failed", "Succeeded")[number % 2])

    def do_finish(self, number: int) -> None:
        if (name := picked(self.pods(going=True), number)) is not None:
            self.world.finish("Pod", name)

    def do_delete_pod(self, number: int) -> None:
        if (name := picked(self.pods(), number)) is not None:
            self.world.delete("Pod", name)

    def do_orphan(self, number: int) -> None:
        if (name := picked(self.pods(), number)) is not None:
            self.world.update(objects.with_metadata(self.world.get("Pod", name), ownerReferences=None))

    def do_delete_claim(self, number: int) -> None:
        """As with storage protection: it stays until its pod is gone."""
        if (claim := picked(self.world.all("PersistentVolumeClaim"), number)) is not None and not objects.is_deleting(claim):
            if not claim["metadata"].get("finalizers"):
                claim = self.world.update(objects.with_metadata(claim, finalizers=["kubernetes.io/pvc-protection"]))
            self.world.delete("PersistentVolumeClaim", objects.name(claim))

    def do_finish_claim(self, number: int) -> None:
        """Storage protection lets a claim go when no pod uses it."""
        names = [objects.name(c) for c in self.world.all("PersistentVolumeClaim") if objects.is_deleting(c)]
        if (name := picked([n for n in names if ("Pod", n.partition("-")[2]) not in self.world.objects], number)) is not None:
            self.world.finish("PersistentVolumeClaim", name)

    def do_collect(self, number: int) -> None:
        """The garbage collector: what only objects own that are gone goes."""
        uids = {objects.uid(o) for o in self.world.objects.values()}
        for claim in self.world.all("PersistentVolumeClaim"):
            refs = claim["metadata"].get("ownerReferences") or []
            if refs and not any(ref["uid"] in uids for ref in refs):
                self.world.finish("PersistentVolumeClaim", objects.name(claim))

    def do_retention(self, number: int) -> None:
        policy = {"whenDeleted": ("Retain", "Delete")[number % 2], "whenScaled": ("Retain", "Delete")[number // 2 % 2]}
        self.world.edit("web", persistentVolumeClaimRetentionPolicy=policy)

    def do_scale(self, number: int) -> None:
        self.world.edit("web", replicas=number % 7)

    def do_start(self, number: int) -> None:
        self.world.edit("web", ordinals={"start": number % 4})

    def do_partition(self, number: int) -> None:
        self.world.edit("web", updateStrategy=rolling(number % 5))

    def do_unavailable(self, number: int) -> None:
        self.world.edit("web", updateStrategy=rolling(number % 2, maxUnavailable=(1, 2, "50%")[number % 3]))

    def do_on_delete(self, number: int) -> None:
        self.world.edit("web", updateStrategy=ON_DELETE)

    def do_image(self, number: int) -> None:
        image = number % 6
        self.world.edit("web", template=template(BAD if image == 5 else f"nginx:{image}"))

    def do_whole_rollout(self, number: int) -> None:
        """An update that goes well from end to end."""
        self.do_image(number % 5)
        self.arrive()

    def do_undo(self, number: int) -> None:
        if (target := picked(self.world.all("ControllerRevision"), number)) is not None:
            self.world.edit("web", template=revisions.template_of(target, self.top))

    def do_same_again(self, number: int) -> None:
        """The same template in other words is no new revision."""
        self.world.refuse = lambda verb, obj: None
        self.do_settle(0)
        self.world.tick(1)  # what failed before is tried again
        self.do_settle(0)
        before, spec = len(self.world.revisions), self.top["spec"]["template"]["spec"]
        self.world.edit("web", template={**self.top["spec"]["template"], "spec": {**spec, **picked(list(NOTHING_NEW), number)}})
        self.do_settle(0)
        assert len(self.world.revisions) == before

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
    def check_created(self, known: Known, created: list[int]) -> None:
        for ordinal in created:
            assert ordinal in known.ordinals(), "a pod outside of its StatefulSet's ordinals"
            for claim in self.top["spec"].get("volumeClaimTemplates") or ():
                key = f"default/{objects.name(claim)}-web-{ordinal}"
                assert self.world.informers.of(CLAIMS).get(key) is not None, "a pod before its claims"
        if known.top["spec"]["podManagementPolicy"] == "OrderedReady" and created:
            assert len(created) == 1, "more than one at a time"
            assert all(map(known.works, range(known.ordinals().start, created[0]))), "an ordinal was skipped"

    def check_deleted(self, known: Known, deleted: list[int]) -> None:
        ordered = known.top["spec"]["podManagementPolicy"] == "OrderedReady"
        assert len(deleted) <= 1 or not ordered or strategy.max_unavailable(known.top), "more than one at a time"
        surplus = [o for o in known.pods if o not in known.ordinals() and not objects.is_deleting(known.pods[o])]
        if ordered and set(deleted) & set(surplus):
            assert deleted == [max(surplus)], "a lower pod was scaled away before a higher one"
            assert all(map(known.works, known.ordinals())), "scaled down while a replica was missing"
        self.check_updates(known, [o for o in deleted if o in known.ordinals() and known.works(o)])

    def check_updates(self, known: Known, updated: list[int]) -> None:
        """Deleting a pod that works takes a reason, and room."""
        if not updated:
            return
        assert not strategy.is_on_delete(known.top)
        lowest = known.ordinals().start + strategy.partition(known.top)
        update = self.present_revision()
        for ordinal in updated:
            assert ordinal >= lowest, "a pod below the partition was replaced"
            assert identity.revision_of(known.pods[ordinal]) != update, "an updated pod was replaced"
        limit = strategy.max_unavailable(known.top)
        if limit is None:
            assert len(updated) == 1
            assert all(known.works(o) for o in known.ordinals() if o > updated[0]), "the next pod went before the last one was back"
        else:
            broken = sum(not known.works(o) for o in known.ordinals())
            assert broken + len(updated) <= limit, "too many pods unavailable"

    def present_revision(self) -> str:
        top = self.known().top
        return next((objects.name(r) for r in self.world.all("ControllerRevision") if revisions.is_of(r, top)), "")

    def check_history(self, before: dict[str, int], status: Obj | None) -> None:
        present = {objects.name(r): r for r in self.world.all("ControllerRevision")}
        templates = [canonical(revisions.template_of(r, self.top)) for r in present.values()]
        assert len(set(templates)) == len(templates), "one template, two revisions"
        assert all(revisions.number(present[n]) >= number for n, number in before.items() if n in present), "a revision went back"
        kept = {*sorted(before, key=lambda n: before[n])[-HISTORY:], *(objects.labels(p).get(POD_LABEL, "") for p in self.world.pods())}
        assert all(n in present for n in before if n in kept), "a revision within the limit is gone"

    def arrive(self) -> None:
        """All faults stop; then everything is as the spec says."""
        self.world.crash_after, self.world.refuse = None, lambda verb, obj: None
        if self.top["spec"]["template"]["spec"]["containers"][0]["image"] == BAD:
            self.do_image(0)
        if strategy.is_on_delete(self.top) or strategy.partition(self.top):
            self.world.edit("web", updateStrategy=rolling())
        quiet = 0
        for _ in range(400):
            self.do_settle(0)
            quiet = 0 if self.nodes_act() else quiet + 1
            self.world.tick(self.min_ready + 1)
            if quiet == 3:
                return self.check_arrived()
        raise AssertionError("it never arrives")

    def nodes_act(self) -> bool:
        busy = False
        for name in self.pods(going=True):
            self.world.finish("Pod", name)
            busy = True
        self.do_collect(0)
        self.do_finish_claim(0)
        for pod in self.world.pods(going=False):
            if is_terminal(pod) and identity.ordinal_of("web", objects.name(pod)) not in identity.ordinals(self.top):
                self.world.delete("Pod", objects.name(pod))  # of two that failed each waits for the other: in the reference, too
                busy = True
        for name in self.pods(ready=False):
            busy = True
            if image_of(self.world.get("Pod", name)) != BAD:
                self.world.set_pod(name, ready=True)
            elif not self.forced:
                self.world.delete("Pod", name)  # the hand that the reference waits for
        return busy

    def check_arrived(self) -> None:
        desired, top, status = self.top["spec"]["replicas"], self.top, self.top["status"]
        present = {objects.name(p): p for p in self.world.pods()}
        assert sorted(present) == sorted(f"web-{o}" for o in identity.ordinals(top))
        assert all(map(is_ready, present.values()))
        update = self.present_revision()
        assert update == objects.name(revisions.in_order(self.world.all("ControllerRevision"))[-1])
        assert {identity.revision_of(p) for p in present.values()} <= {update}
        assert {image_of(p) for p in present.values()} <= {top["spec"]["template"]["spec"]["containers"][0]["image"]}
        counts = ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas", "currentReplicas")
        assert [status.get(k, 0) for k in counts] == [desired] * 5
        assert status["observedGeneration"] == top["metadata"]["generation"]
        assert status["currentRevision"] == status["updateRevision"] == update
        assert len(self.world.all("ControllerRevision")) <= HISTORY + 1
        self.check_claims(top, present)

    def check_claims(self, top: Obj, present: dict[str, Obj]) -> None:
        policy = top["spec"]["persistentVolumeClaimRetentionPolicy"]
        wanted = {objects.uid(top)} if policy["whenDeleted"] == "Delete" else set()
        for name in present:
            for claim in top["spec"].get("volumeClaimTemplates") or ():
                kept = self.world.get("PersistentVolumeClaim", f"{objects.name(claim)}-{name}")
                assert {ref["uid"] for ref in kept["metadata"].get("ownerReferences") or ()} == wanted


steps = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 30)), min_size=15, max_size=50)
WALKS = int(os.environ.get("WHERRY_WALKS", "100"))


TWO_STUCK = [("sync", 0), ("image", 29), *[("sync", 0)] * 9, ("start", 1), ("sync", 0), ("start", 2)]


@example("OrderedReady", 1, 0, True, False, TWO_STUCK)
@settings(max_examples=WALKS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["OrderedReady", "Parallel"]), st.integers(0, 5), st.sampled_from([0, 3]), st.booleans(), st.booleans(), steps)
def test_every_walk_keeps_the_promises_and_arrives(
    policy: str, replicas: int, min_ready: int, forced: bool, claims: bool, moves: list[tuple[str, int]]
) -> None:
    walk = Walk(policy, replicas, min_ready, forced, claims)
    for what, number in moves:
        walk.move(what, number)
    walk.arrive()
