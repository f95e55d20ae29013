"""The recorded kubectl sessions, played with a real kubectl: every step agrees but those declared in known_differences.json."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replay.harness import GOLDEN, Session
from tests.replay.transcripts import play
from wherry import Cluster

pytestmark = pytest.mark.kubectl

_DECLARED = json.loads((Path(__file__).parent / "known_differences.json").read_text())
KNOWN: dict[str, str] = _DECLARED["transcripts"]
#: steps that may agree or not
CHANCE: dict[str, str] = _DECLARED["chance"]
#: the longest first, so that two workers share them well; those called -k136 were recorded with a newer kubectl
NAMES = sorted((f.stem for f in (GOLDEN / "transcripts").glob("*.json")), key=lambda name: (name[:2] not in ("b-", "f3"), name))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=4, routine_events=False, pods_per_node=16000, test_mode=True, epoch=time.time() - 3000) as cluster:
        yield cluster


#: played in CI only: the twins of others, and what those of the lab play too
SLOW = ("-k136", "f2-label-set-patch", "f3-revisions", "f4-rollover", "f6-many-names")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n.endswith(SLOW) else n for n in NAMES])
def test_output_agrees_with_the_recording(name: str, cluster: Cluster, tmp_path: Path) -> None:
    session = Session(cluster)
    try:
        found = play(name, session, tmp_path)
    finally:
        session.close()
    by_step = {difference.partition(":")[0]: difference for difference in found}
    unknown = [difference for step, difference in by_step.items() if step not in KNOWN and step not in CHANCE]
    assert not unknown, "\n\n".join(unknown)
    agreeing = [step for step in KNOWN if step.startswith(f"{name} step ") and step not in by_step]
    assert not agreeing, f"declared as different, but they agree: {agreeing}"
