"""Random walks of a snapshot: nodes and pods come, change and go; every decision is the one that a snapshot without a past would give."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rules.placing.scheduling.test_decisions import node, pod
from tests.rules.placing.scheduling.test_pods_about_pods import HOST, ZONE, prefers, requires
from wherry.api.objects import Obj
from wherry.rules.placing.scheduling.decide import Bind, decide
from wherry.rules.placing.scheduling.snapshot import Snapshot

WALKS = int(os.environ.get("WHERRY_WALKS", "150"))
MOVES = (*["place"] * 8, *["remove"] * 3, "node", "node", "relabel", "drop node", "deleting", "promise", "namespace")
NAMES, APPS, ZONES = "abcde", ("x", "y"), ("1", "2", None)


def spread(topology: str, action: str) -> list[Obj]:
    selector = {"matchLabels": {"app": "x"}}
    return [{"maxSkew": 1, "topologyKey": topology, "whenUnsatisfiable": action, "labelSelector": selector}]


SPECS: tuple[dict[str, Any], ...] = (
    {}, {"priority": 5}, {"affinity": requires("podAntiAffinity", "x")}, {"affinity": requires("podAffinity", "y", topology=ZONE)},
    {"affinity": prefers("podAntiAffinity", "x")}, {"affinity": prefers("podAffinity", "y", topology=ZONE)},
    {"affinity": requires("podAffinity", "x", namespaceSelector={"matchLabels": {"team": "t"}})},
    {"topologySpreadConstraints": spread(HOST, "DoNotSchedule")}, {"topologySpreadConstraints": spread(ZONE, "ScheduleAnyway")},
    {"topologySpreadConstraints": [*spread(ZONE, "DoNotSchedule"), *spread(HOST, "ScheduleAnyway")], "priority": 3},
)  # fmt: skip


class Walk:
    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.nodes: dict[str, Obj] = {}
        self.pods: dict[str, tuple[Obj, str]] = {}
        self.promises: dict[str, tuple[Obj, str]] = {}
        self.team = ""
        self.count = 0
        self.snapshot.namespaces = lambda name: {"team": self.team}

    def fresh(self) -> Snapshot:
        made = Snapshot()
        made.namespaces = self.snapshot.namespaces
        for each in self.nodes.values():
            made.set_node(each)
        for obj, at in self.pods.values():
            made.put_pod(made.demands.info(obj), at)
        for obj, at in self.promises.values():
            made.promise(made.demands.info(obj), at)
        return made

    def new_pod(self, number: int) -> Obj:
        self.count += 1
        spec, asked = SPECS[number % len(SPECS)], {"cpu": "1"} if number % 3 else {}
        return pod(f"p{self.count}", asked, owner="rs" if number % 2 else "", labels={"app": APPS[number % 2]}, **spec)

    def move(self, what: str, number: int) -> None:
        getattr(self, "do_" + what.replace(" ", "_"))(number)

    def do_place(self, number: int) -> None:
        new = self.new_pod(number)
        said = self.decide(new)
        if isinstance(said, Bind):
            self.pods[new["metadata"]["name"]] = new, said.node
            self.snapshot.put_pod(self.snapshot.demands.info(new), said.node)

    def decide(self, new: Obj) -> object:
        fresh = self.fresh()
        said = decide(self.snapshot.demands.info(new), self.snapshot, lambda n: 0)
        wanted = decide(fresh.demands.info(new), fresh, lambda n: 0)
        if isinstance(said, Bind) or isinstance(wanted, Bind):
            assert said == wanted
        else:
            assert (said.message, said.nominated) == (wanted.message, wanted.nominated)
            assert sorted(v.key for v in said.victims) == sorted(v.key for v in wanted.victims)
        return said

    def _picked(self, number: int) -> str | None:
        return sorted(self.pods)[number % len(self.pods)] if self.pods else None

    def do_remove(self, number: int) -> None:
        if (name := self._picked(number)) is not None:
            del self.pods[name]
            self.snapshot.remove_pod(f"d/{name}")

    def do_deleting(self, number: int) -> None:
        if (name := self._picked(number)) is not None:
            old, at = self.pods.pop(name)
            new = {**old, "metadata": {**old["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
            self.pods[name] = new, at
            self.snapshot.put_pod(self.snapshot.demands.info(new), at)

    def do_node(self, number: int) -> None:
        name, zone = NAMES[number % 5], ZONES[number % 3]
        if name not in self.nodes:
            self._set(node(name, cpu="4", labels={ZONE: zone} if zone else {}))

    def do_relabel(self, number: int) -> None:
        if self.nodes:
            name, zone = sorted(self.nodes)[number % len(self.nodes)], ZONES[number % 3]
            self._set(node(name, cpu=str(2 + number % 4), labels={ZONE: zone} if zone else {}))

    def _set(self, new: Obj) -> None:
        self.nodes[new["metadata"]["name"]] = new
        self.snapshot.set_node(new)

    def do_drop_node(self, number: int) -> None:
        if self.nodes:
            name = sorted(self.nodes)[number % len(self.nodes)]
            for each in [n for n, (_, at) in self.pods.items() if at == name]:
                del self.pods[each]
                self.snapshot.remove_pod(f"d/{each}")
            del self.nodes[name]
            self.snapshot.remove_node(name)

    def do_promise(self, number: int) -> None:
        if self.nodes:
            new = pod(f"promised-{number % 3}", {"cpu": "2"}, priority=number % 7)
            at = sorted(self.nodes)[number % len(self.nodes)]
            self.promises[new["metadata"]["name"]] = new, at
            self.snapshot.promise(self.snapshot.demands.info(new), at)

    def do_namespace(self, number: int) -> None:
        self.team = "t" if number % 2 else ""
        self.snapshot.tallies.forget()


steps = st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 60)), min_size=10, max_size=60)


@settings(max_examples=WALKS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_a_snapshot_with_a_past_decides_as_one_without(moves: list[tuple[str, int]]) -> None:
    walk = Walk()
    for number in range(4):
        walk.do_node(number)
    for what, number in moves:
        walk.move(what, number)
