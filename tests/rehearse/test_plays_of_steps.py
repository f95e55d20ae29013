"""Rehearsals of rollouts in steps: when each step comes, with how many pods, and how it ends."""

from __future__ import annotations

import pytest

from tests.rehearse.manifests_of import rolling, workload
from tests.rehearse.test_plays import conditions, play
from wherry.api.objects import Obj
from wherry.rehearse import Change
from wherry.rehearse.text import findings
from wherry.rules.workloads.steps.move import NoSteps
from wherry.rules.workloads.steps.spec import BadSteps

SURGE = rolling(maxSurge=5, maxUnavailable=0)
IMAGES = {"*": "app:2"}


def annotated(manifest: Obj, steps: str, checks: str = "") -> Obj:
    manifest["metadata"]["annotations"] = {"wherry.dev/rollout-steps": steps, "wherry.dev/rollout-checks": checks}
    return manifest


def test_each_step_has_its_time_and_its_pods() -> None:
    report = play(workload(strategy=SURGE), change=Change(IMAGES, steps="10%, pause 5m, 50%, 100%"))
    said = [(round(at), text.partition(";")[0]) for at, text in report.steps]
    assert said == [(0, "step 1 of 4 (10%): moving"), (10, "step 2 of 4 (pause 5m): paused"), (310, "step 3 of 4 (50%): moving"),
                    (320, "step 4 of 4 (100%): finishing")]  # fmt: skip
    assert report.duration == pytest.approx(331, abs=2)
    assert report.lowest_available == 10
    at = {moment.at: moment for moment in report.timeline}
    during = [moment for moment in at.values() if 20 < moment.at < 300]
    assert all((moment.available_new, moment.available_old) == (1, 9) for moment in during)
    assert "at 5m10s: step 3 of 4 (50%): moving" in findings(report)


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_kinds_too(kind: str) -> None:
    report = play(annotated(workload(kind, 4), "25%, pause 60s, check", "http=http://outside/ count=3 every=10s"), nodes=4)
    assert report.duration is not None
    assert [text.split(":")[0] for _, text in report.steps][:3] == ["step 1 of 4 (25%)", "step 2 of 4 (pause 1m)", "step 3 of 4 (check)"]
    begun = [at for at, _ in report.steps]
    assert begun[2] - begun[1] == pytest.approx(60, abs=1)
    assert begun[3] - begun[2] == pytest.approx(20, abs=1)
    assert "checks that ask the outside are good" in report.timings


def test_a_release_that_never_becomes_ready_is_forecast_to_come_back() -> None:
    report = play(workload(strategy=SURGE, progressDeadlineSeconds=60), change=Change(IMAGES, steps="10%, pause, 100%"),
                  given=conditions("100% of pods never become ready"))
    assert report.duration is None
    assert report.stopped == "aborted: step 1 (10%): 0 of 1 new pods ready, and none more within 60s"
    assert report.lowest_available == 10


def test_a_pause_without_an_end_is_taken_to_be_promoted() -> None:
    report = play(workload(strategy=SURGE), change=Change(IMAGES, steps="50%, pause"))
    assert report.duration is not None
    assert report.duration < 30


def test_steps_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadSteps):
        play(workload(), change=Change(IMAGES, steps="half"))
    with pytest.raises(NoSteps):
        play(workload(strategy={"type": "Recreate"}), change=Change(IMAGES, steps="10%"))
