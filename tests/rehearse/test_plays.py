"""Rehearsals of manifests: how long, how few pods, how many, and what goes wrong."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.rehearse.manifests_of import budget, node, rolling, workload
from wherry.api.errors import BadRequest, Invalid
from wherry.api.objects import Obj
from wherry.rehearse import Change, Conditions, RehearsalError, Report, Strategy, Timings, from_manifests, rehearse
from wherry.rehearse.change import parse_strategies
from wherry.rehearse.compare import compare
from wherry.rehearse.faults import parse
from wherry.rehearse.text import findings
from wherry.rollout.errors import Paused, Unsupported

IMAGE = Change(images={"*": "app:2"})
EPOCH = 1_767_225_600.2


def conditions(*faults: str, ready: float = 10.0, end: float = 1.0, **more: Any) -> Conditions:
    return Conditions(Timings(ready=(ready,), terminate=end), parse(faults), epoch=EPOCH, **more)


def play(
    *manifests: Obj, change: Change = IMAGE, strategy: Strategy | None = None, given: Conditions | None = None, nodes: int = 3
) -> Report:
    return rehearse(from_manifests(manifests, nodes=nodes), change, strategy or Strategy(), given or conditions())


def test_one_pod_at_a_time() -> None:
    report = play(workload(replicas=4, strategy=rolling(maxSurge=1, maxUnavailable=0)))
    assert (report.duration, report.lowest_available, report.most_pods) == (40.0, 4, 6)
    assert report.deadline_at is None
    assert report.keeps("100%")


def test_recreate_leaves_nothing_available() -> None:
    report = play(workload(replicas=4, strategy={"type": "Recreate"}))
    assert (report.duration, report.lowest_available, report.lowest_at, report.most_pods) == (11.0, 0, 0.0, 4)


def test_min_ready_seconds_count_until_available() -> None:
    report = play(workload(replicas=2, minReadySeconds=30, strategy=rolling(maxSurge=2, maxUnavailable=0)))
    # the first rollout ended with a whole second, so this one begins with one: ready ten seconds into it, available after thirty more
    assert report.duration == pytest.approx(40, abs=0.05)
    assert report.lowest_available == 2


def test_a_stateful_set_goes_one_by_one_and_waits_for_the_end_of_each_pod() -> None:
    report = play(workload("StatefulSet", 3, serviceName="web"))
    assert (report.duration, report.lowest_available, report.most_pods) == (33.0, 2, 3)


def test_a_daemon_set_surges_on_every_node() -> None:
    manifest = workload("DaemonSet", updateStrategy=rolling(maxSurge=1, maxUnavailable=0))
    assert play(manifest, nodes=4).lowest_available == 4
    assert play(workload("DaemonSet"), nodes=4).lowest_available == 3


def annotated(manifest: Obj, **said: str) -> Obj:
    names = {name.replace("_", "-"): text for name, text in said.items()}
    manifest["spec"]["template"]["metadata"]["annotations"] = {f"wherry.dev/simulated-{name}": text for name, text in names.items()}
    return manifest


def test_a_time_that_was_given_is_played_whatever_the_template_says() -> None:
    report = play(annotated(workload(replicas=2, strategy=rolling(maxSurge=1, maxUnavailable=0)), ready_seconds="2"))
    assert report.duration == 20.0
    assert report.timings[0] == "time to ready: 10 s, given (instead of 2 s by the annotation wherry.dev/simulated-ready-seconds)"


def test_a_time_by_annotation_is_what_the_report_says() -> None:
    manifest = annotated(workload(replicas=2, strategy=rolling(maxSurge=1, maxUnavailable=0)), ready_seconds="2", never_ready="false")
    report = play(manifest, given=Conditions(epoch=EPOCH))
    assert report.duration == pytest.approx(4, abs=0.1)
    assert report.timings[0] == "time to ready: 2 s, by the annotation wherry.dev/simulated-ready-seconds"
    assert "wherry.dev/simulated-never-ready: false, by the template's annotation" in report.timings


def test_a_field_that_nobody_knows_is_refused_as_apply_does() -> None:
    manifest = workload(replicas=1)
    manifest["spec"]["replica"] = 3
    with pytest.raises(BadRequest, match=r'unknown field "spec\.replica"'):
        play(manifest)


def test_volumes_that_are_bound_in_the_same_moment_are_no_lack_of_room() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    assert play(workload("StatefulSet", 2, serviceName="web", volumeClaimTemplates=[claim])).unplaced == ()


def test_without_a_change_it_is_a_restart() -> None:
    report = play(workload(replicas=2), change=Change())
    assert (report.change, report.lowest_available) == ("restart", 2)
    assert report.duration == 20.0


def test_a_second_manifest_is_what_the_workload_becomes() -> None:
    new = workload(replicas=6)
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2"
    report = play(workload(replicas=2), new, change=Change())
    assert (report.wanted, report.change, report.timeline[-1].available_new) == (6, "the manifest", 6)


def test_surge_pods_without_room_are_named_and_the_rollout_stands() -> None:
    report = play(workload(replicas=4, cpu="1", strategy=rolling(maxSurge=1, maxUnavailable=0)), node("n1", "4"))
    assert report.duration is None
    [lacking] = report.unplaced
    assert (lacking.since, lacking.until) == (0.0, None)
    assert lacking.what.startswith("0/1 nodes are available: 1 Insufficient cpu")
    assert report.deadline_at == pytest.approx(600, abs=2)
    assert (report.lowest_available, report.most_pods) == (4, 5)


def test_an_image_that_does_not_exist_meets_the_deadline() -> None:
    report = play(workload(progressDeadlineSeconds=60), given=conditions("image app:2 is missing"))
    assert report.duration is None
    assert report.deadline_at == pytest.approx(60, abs=2)
    assert report.lowest_available == 8


def test_a_deadline_strikes_before_slow_pods_are_ready() -> None:
    report = play(workload(replicas=3, progressDeadlineSeconds=50), given=conditions(ready=100.0))
    assert report.deadline_at == pytest.approx(50, abs=2)
    assert report.longest_wait == 100
    assert report.duration == 300
    assert play(workload(replicas=3), given=conditions(ready=100.0)).deadline_at is None
    late = play(workload(progressDeadlineSeconds=1800), given=conditions("image app:2 is missing"))
    assert late.deadline_at == pytest.approx(1800, abs=2)


def test_pods_that_never_become_ready_are_drawn_with_the_seed() -> None:
    one, two = (play(workload(), given=conditions("20% of pods never become ready", seed=3)) for _ in range(2))
    assert one.struck == two.struck != ()
    assert one.timeline == two.timeline
    assert one.duration is None
    counted = play(workload(), given=conditions("1 pod never becomes ready"))
    assert [what for _, what in counted.struck] == ["never-ready"]


def test_slow_pods_and_crashing_pods() -> None:
    slow = play(workload(replicas=2), given=conditions("100% of pods take 2m to become ready"))
    assert slow.duration == 240.0
    crashing = play(workload(replicas=2), given=conditions("1 pod crashes after 1s"))
    assert crashing.duration is None


def test_a_dead_node_costs_its_pods_until_they_are_evicted() -> None:
    manifest = workload(replicas=6, strategy=rolling(maxSurge=1, maxUnavailable=0))
    report = play(manifest, given=conditions("node node-1 dies at 5s"))
    assert report.lowest_available < 6
    assert report.lowest_at > 40
    assert report.duration is not None
    assert 300 < report.duration < 420
    back = play(manifest, given=conditions("node node-1 dies at 5s and comes back at 90s"))
    assert back.duration is not None
    assert back.duration < 150


def test_a_drain_is_held_up_by_a_budget() -> None:
    held = play(workload(), budget(10), given=conditions("node node-1 is drained at 1s", ready=30.0))
    [drain] = held.drains
    assert drain.refused > 0
    free = play(workload(), given=conditions("node node-1 is drained at 1s", ready=30.0))
    assert free.drains[0].refused == 0
    assert free.drains[0].done_at is not None


def test_a_budget_that_the_rollout_breaks_and_blocks() -> None:
    [found] = play(workload(strategy=rolling(maxSurge=0, maxUnavailable=3)), budget("80%")).budgets
    assert (found.wanted, found.lowest_healthy) == (8, 7)
    assert found.broken != ()
    assert found.blocked_seconds > 0
    [calm] = play(workload(strategy=rolling(maxSurge=1, maxUnavailable=0)), budget("50%")).budgets
    assert (calm.broken, calm.blocked) == ((), ())


def test_what_cannot_be_played_is_refused() -> None:
    with pytest.raises(Paused):
        play(workload(paused=True), change=Change())
    with pytest.raises(Unsupported, match="OnDelete"):
        play(workload("DaemonSet", updateStrategy={"type": "OnDelete"}))
    with pytest.raises(RehearsalError, match='there is no node "n9": there are node-0, node-1, node-2'):
        play(workload(), given=conditions("node n9 dies at 1s"))
    with pytest.raises(RehearsalError, match='unable to find container named "sidecar"'):
        play(workload(), change=Change(images={"sidecar": "x"}))
    with pytest.raises(Invalid):
        play(workload(), change=Change(images={"*": ""}))
    with pytest.raises(RehearsalError, match="never gets rolled out"):
        play(workload(cpu="9"), node("n1", "4"))


def test_strategies_side_by_side() -> None:
    world = from_manifests([workload(replicas=8)])
    strategies = parse_strategies("maxSurge=1+maxUnavailable=0,maxSurge=4+maxUnavailable=0,type=Recreate,maxSurge=0+maxUnavailable=0")
    found = compare(world, IMAGE, strategies, conditions(), "100%")
    assert [(r.strategy, r.duration, r.lowest_available) for r in found.reports] == [
        ("as it is", 20.0, 6),
        ("maxSurge=1, maxUnavailable=0", 80.0, 8),
        ("maxSurge=4, maxUnavailable=0", 20.0, 8),
        ("type=Recreate", 11.0, 0),
    ]
    assert found.best is found.reports[2]
    assert "may not be 0 when `maxSurge` is 0" in found.refused[0][1]
    assert compare(world, IMAGE, [], conditions(), 7).best is None
    assert compare(world, IMAGE, strategies, conditions()).best is not None


def test_the_worst_of_several_runs_counts() -> None:
    world = from_manifests([workload(replicas=5)])
    found = compare(world, IMAGE, [], conditions("10% of pods never become ready"), runs=6)
    [spread] = found.spreads
    assert spread.runs == 6
    assert 0 < spread.finished < 6
    assert (spread.fastest, spread.slowest) == (20.0, 20.0)
    assert found.best is None
    assert found.shown[0].duration is None
    assert "  runs                " in findings(found.reports[0], 200, spread)
    assert f"{spread.finished} of 6 finish, in 20 s; 4 available at least; this is the worst" in findings(found.reports[0], 200, spread)


def test_a_report_is_json() -> None:
    value = json.loads(json.dumps(play(workload(), budget(8)).to_json()))
    assert value["duration"] == 20.0
    assert value["timeline"][-1]["available"] == 10
    assert value["budgets"][0]["name"] == "web"


def test_ten_minutes_take_a_moment() -> None:
    began = time.perf_counter()
    report = play(workload(replicas=50, strategy=rolling(maxSurge=1, maxUnavailable=0)), given=conditions(ready=12.0))
    assert report.duration == pytest.approx(600, abs=0.1)
    # less than a second on a quiet machine
    assert time.perf_counter() - began < 10
