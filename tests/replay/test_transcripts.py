"""The recorded kubectl sessions, played with a real kubectl: every step agrees but those declared in known_differences.json."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.replay.harness import GOLDEN, Session
from tests.replay.kubectl_versions import TWIN, chosen, is_new
from tests.replay.transcripts import LOOSELY, play
from wherry import Cluster

pytestmark = pytest.mark.kubectl

_DECLARED = json.loads((Path(__file__).parent / "known_differences.json").read_text())
KNOWN: dict[str, str] = _DECLARED["transcripts"] | (_DECLARED["kubectl 1.36"] if is_new() else {})
RECORDED = [f.stem for f in (GOLDEN / "transcripts").glob("*.json")]
#: the longest first, so that two workers share them well
NAMES = sorted(chosen(RECORDED, is_new()), key=lambda name: (name[:2] not in ("b-", "f3"), name))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    plain: dict[str, Any] = {"nodes": 4, "routine_events": False, "pods_per_node": 16000}
    with Cluster(**plain, test_mode=True, epoch=time.time() - 3000) as cluster:
        yield cluster


#: played in CI only: those whose steps the others play too
SLOW = ("f2-label-set-patch", "f3-revisions", "f4-rollover", "f6-many-names")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n.removesuffix(TWIN) in SLOW else n for n in NAMES])
def test_output_agrees_with_the_recording(name: str, cluster: Cluster, tmp_path: Path) -> None:
    session = Session(cluster)
    try:
        found = play(name, session, tmp_path)
    finally:
        session.close()
    by_step = {difference.partition(":")[0]: difference for difference in found}
    unknown = [difference for step, difference in by_step.items() if step not in KNOWN]
    assert not unknown, "\n\n".join(unknown)
    agreeing = [step for step in KNOWN if step.startswith(f"{name} step ") and step not in by_step]
    assert not agreeing, f"declared as different, but they agree: {agreeing}"


def test_each_kubectl_plays_one_of_every_pair_of_recordings() -> None:
    for new in (False, True):
        played = chosen(RECORDED, new)
        assert {name.removesuffix(TWIN) for name in played} == {name.removesuffix(TWIN) for name in RECORDED}
        assert len(played) == len({name.removesuffix(TWIN) for name in played})
        assert any(name.endswith(TWIN) for name in played) is new


def test_what_is_declared_is_a_step_of_a_recording() -> None:
    for step in [*KNOWN, *LOOSELY]:
        name, number = step.split(" step ")
        assert int(number) < len(json.loads((GOLDEN / "transcripts" / f"{name}.json").read_text())["steps"])


def test_no_step_is_compared_with_nothing() -> None:
    for name in RECORDED:
        steps = json.loads((GOLDEN / "transcripts" / f"{name}.json").read_text())["steps"]
        free = [n for n, step in enumerate(steps) if step.get("compare") == "none"]
        assert [n for n in free if f"{name.removesuffix(TWIN)} step {n}" not in LOOSELY] == []
