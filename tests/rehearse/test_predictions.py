"""What a rehearsal says is what happens: predictions against real runs on simulated nodes in real time."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from tests.rehearse.real_runs import Outcome, do_on_virtual_time, predict_afterwards, predict_and_do, random_case
from wherry.kit.virtual import run_virtual

#: the figures: `pytest -m slow --log-cli-level=INFO`
log = logging.getLogger(__name__)
SHARE = 0.05
EPOCH = 1_767_225_600.2


def outcomes(count: int, scale: float, seed: int) -> list[Outcome]:
    rng = random.Random(seed)
    return asyncio.run(predict_and_do([random_case(rng, i, scale) for i in range(count)]))


@pytest.mark.parametrize(("seed", "count"), [(3, 8), *(pytest.param(seed, 16, marks=pytest.mark.slow) for seed in (100, 101, 102, 103))])
def test_what_happens_without_waiting_is_what_was_predicted(seed: int, count: int) -> None:
    """On virtual time a run costs no time of its own, so that nothing may differ."""
    rng = random.Random(seed)
    cases = [random_case(rng, i, 20.0) for i in range(count)]
    for done in run_virtual(do_on_virtual_time(cases), epoch=EPOCH):
        outcome = predict_afterwards(done)
        assert (outcome.lowest, outcome.most) == (outcome.predicted.lowest_available, outcome.predicted.most_pods), outcome
        assert outcome.predicted.duration == pytest.approx(outcome.duration, abs=0.1), outcome


def test_a_few_rollouts_go_as_predicted() -> None:
    for outcome in outcomes(3, 0.4, seed=58):
        assert outcome.lowest == outcome.predicted.lowest_available, outcome
        assert outcome.most == outcome.predicted.most_pods, outcome
        # short times: what a busy machine takes for itself is not the rollout's
        assert outcome.duration * (1 - SHARE) - 1.0 <= (outcome.predicted.duration or 0.0) <= outcome.duration * (1 + SHARE), outcome


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_rollouts_go_as_predicted() -> None:
    found = outcomes(40, 3.0, seed=5)
    log.info("worst %.1f %%, mean %.1f %%", 100 * max(o.off for o in found), 100 * sum(o.off for o in found) / len(found))
    assert [str(o) for o in found if o.lowest != o.predicted.lowest_available] == []
    # how many pods end at the same moment is the machine's pace
    assert [str(o) for o in found if abs(o.most - o.predicted.most_pods) > 1] == []
    assert [str(o) for o in found if o.off > SHARE] == []
