"""Random walks of ReplicaSets and ReplicationControllers: pods that fail and vanish, strangers, late news, refused writes, crashes.

After every round of the controller: it never makes more pods than are wanted, and never ends a ready one while an unready one is there. At
rest the pods are as many as wanted, all of them owned, and the status says so; at the end all faults stop, and everything is ready.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.worlds.memory import World, is_ready, template
from wherry.api import errors, objects
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.controllers.replicaset import ReplicaSetController
from wherry.controllers.replicationcontroller import ReplicationControllerController

WALKS = int(os.environ.get("WHERRY_WALKS", "200"))
MOVES = (
    *["sync"] * 6, *["ready"] * 4, *["finish"] * 3, "unready", "fail", "succeed", "delete pod", "scale", "scale", "stranger", "foreign",
    "relabel", "label back", "lag", "deliver", "refuse", "crash", "restart", "tick", "settle",
)  # fmt: skip
KINDS: dict[str, tuple[str, Any, Obj]] = {
    "ReplicaSet": ("apps/v1", ReplicaSetController, {"matchLabels": {"app": "web"}}),
    "set-based": ("apps/v1", ReplicaSetController, {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "www"]}]}),
    "ReplicationController": ("v1", ReplicationControllerController, {"app": "web"}),
}


def picked(items: list[Any], number: int) -> Any:
    return items[number % len(items)] if items else None


class Walk:
    def __init__(self, kind: str, replicas: int, min_ready: int) -> None:
        version, controller, selector = KINDS[kind]
        self.kind = "ReplicationController" if kind == "ReplicationController" else "ReplicaSet"
        self.min_ready = min_ready
        self.world = World(controller, self.kind)
        spec = {"replicas": replicas, "minReadySeconds": min_ready, "selector": selector, "template": template("nginx:1")}
        metadata = {"name": "web"}
        self.world.create({"apiVersion": version, "kind": self.kind, "metadata": metadata, "spec": spec, "status": {"replicas": 0}})
        self.strangers = 0

    # --- what there is ---
    @property
    def top(self) -> Obj:
        return self.world.get(self.kind, "web")

    def pods(self, *, going: bool = False) -> list[Obj]:
        """Its pods that have not ended."""
        return [p for p in self.world.pods(going=going)
                if p["status"]["phase"] not in ("Failed", "Succeeded") and objects.is_controlled_by(p, self.top)]  # fmt: skip

    def name(self, pods: list[Obj], number: int) -> str | None:
        pod = picked(pods, number)
        return objects.name(pod) if pod is not None else None

    # --- moves ---
    def move(self, what: str, number: int) -> None:
        getattr(self, "do_" + what.replace(" ", "_"))(number)

    def do_sync(self, number: int) -> None:
        before, lagging = self.pods(), bool(self.world.undelivered)
        there, failures, armed = {objects.uid(p) for p in self.world.pods()}, len(self.world.failed), self.world.crash_after is not None
        self.world.sync()
        after = self.pods()
        wanted = self.top["spec"]["replicas"]
        made = [p for p in after if objects.uid(p) not in there]
        if lagging:
            return  # what it did not know of it cannot heed
        assert not made or len(after) <= wanted, "more pods than wanted"
        left = {objects.uid(p) for p in after}
        ended = [p for p in before if objects.uid(p) not in left and objects.is_deleting(self.world.get("Pod", objects.name(p)))]
        if len(self.world.failed) > failures or (armed and self.world.crash_after is None):
            return  # the unready one was about to go
        assert not any(map(is_ready, ended)) or all(map(is_ready, after)), "a ready pod went although an unready one was there"

    def do_ready(self, number: int) -> None:
        if name := self.name([p for p in self.pods() if not is_ready(p)], number):
            self.world.set_pod(name, ready=True)

    def do_unready(self, number: int) -> None:
        if name := self.name([p for p in self.pods() if is_ready(p)], number):
            self.world.set_pod(name, ready=False)

    def do_fail(self, number: int) -> None:
        if name := self.name(self.pods(), number):
            self.world.set_pod(name, ready=False, phase="Failed")

    def do_succeed(self, number: int) -> None:
        if name := self.name(self.pods(), number):
            self.world.set_pod(name, ready=False, phase="Succeeded")

    def do_finish(self, number: int) -> None:
        if name := self.name(self.world.pods(going=True), number):
            self.world.finish("Pod", name)

    def do_delete_pod(self, number: int) -> None:
        if name := self.name(self.pods(), number):
            self.world.delete("Pod", name)

    def do_scale(self, number: int) -> None:
        self.world.edit("web", replicas=number % 8)

    def do_stranger(self, number: int) -> None:
        """A pod that nobody owns, and that the selector means."""
        self._stranger({})

    def do_foreign(self, number: int) -> None:
        """A pod that the selector means, and that somebody else owns."""
        ref = {"apiVersion": "batch/v1", "kind": "Job", "name": "job", "uid": "uid-job", "controller": True}
        self._stranger({"ownerReferences": [ref]})

    def _stranger(self, more: Obj) -> None:
        self.strangers += 1
        metadata = {"name": f"stranger-{self.strangers}", "labels": {"app": "web"}, **more}
        self.world.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template("x")["spec"]})

    def do_relabel(self, number: int) -> None:
        self._label(self.pods(), number, "lost")

    def do_label_back(self, number: int) -> None:
        self._label([p for p in self.world.pods() if objects.labels(p)["app"] == "lost"], number, "web")

    def _label(self, pods: list[Obj], number: int, app: str) -> None:
        if (pod := picked(pods, number)) is not None:
            self.world.update(objects.with_metadata(pod, labels={**objects.labels(pod), "app": app}))

    def do_lag(self, number: int) -> None:
        self.world.lagging = True

    def do_deliver(self, number: int) -> None:
        self.world.deliver(number % 4)

    def do_refuse(self, number: int) -> None:
        """One of the next writes is refused."""
        left = number % 3

        def refuse(verb: str, obj: Obj) -> StatusError | None:
            nonlocal left
            left -= 1
            return errors.ServiceUnavailable("later") if left == -1 else None

        self.world.refuse = refuse

    def do_crash(self, number: int) -> None:
        self.world.crash_after = number % 4

    def do_restart(self, number: int) -> None:
        self.world.start()

    def do_tick(self, number: int) -> None:
        self.world.tick((1, 5, 700)[number % 3])

    def do_settle(self, number: int) -> None:
        self.world.crash_after, self.world.refuse = None, lambda verb, obj: None
        for _ in range(4):  # what was refused is tried again
            self.world.settle()
            self.world.tick(2)
        self.world.settle()
        self.check_rest()

    # --- promises ---
    def check_rest(self) -> None:
        pods, top = self.pods(), self.top
        assert len(pods) == top["spec"]["replicas"]
        for pod in self.world.pods():
            mine, matches = objects.is_controlled_by(pod, top), objects.labels(pod)["app"] == "web"
            owner = objects.controller_of(pod)
            ended = pod["status"]["phase"] in ("Failed", "Succeeded") or objects.is_deleting(pod)
            assert matches or not mine or ended, "a pod that does not match was not released"
            assert owner is not None or not matches or ended, "a pod that matches was not taken"
            assert owner is None or mine or owner["uid"] == "uid-job"
        status = top["status"]
        assert (status["replicas"], status.get("readyReplicas", 0)) == (len(pods), sum(map(is_ready, pods)))
        assert status["observedGeneration"] == top["metadata"]["generation"]
        if self.kind == "ReplicaSet":
            assert status.get("terminatingReplicas", 0) == sum(objects.labels(p)["app"] == "web" for p in self.pods(going=True))

    def arrive(self) -> None:
        for _ in range(30):
            self.do_settle(0)
            waiting = [p for p in self.pods() if not is_ready(p)]
            going = self.world.pods(going=True)
            for pod in waiting:
                self.world.set_pod(objects.name(pod), ready=True)
            for pod in going:
                self.world.finish("Pod", objects.name(pod))
            self.world.tick(self.min_ready + 1)
            if not waiting and not going:
                break
        self.do_settle(0)
        wanted = self.top["spec"]["replicas"]
        assert [self.top["status"].get(k, 0) for k in ("replicas", "readyReplicas", "availableReplicas")] == [wanted] * 3


steps = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 30)), min_size=15, max_size=60)


@settings(max_examples=WALKS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 6), st.sampled_from([0, 3]), steps)
def test_every_walk_keeps_the_promises_and_arrives(kind: str, replicas: int, min_ready: int, moves: list[tuple[str, int]]) -> None:
    walk = Walk(kind, replicas, min_ready)
    for what, number in moves:
        walk.move(what, number)
    walk.arrive()
