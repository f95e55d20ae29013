"""The recorded API calls, group by group, against a cluster of ours: every answer agrees but those declared in known_differences.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replay.api import Player
from tests.replay.harness import GOLDEN, Session
from wherry import Cluster

GROUPS = sorted(f.stem for f in (GOLDEN / "api").glob("*.jsonl"))
KNOWN: dict[str, str] = json.loads((Path(__file__).parent / "known_differences.json").read_text())["api"]


@pytest.fixture
def session() -> Iterator[Session]:
    with Cluster(nodes=4, routine_events=False, pods_per_node=16000, test_mode=True) as cluster:
        session = Session(cluster)
        yield session
        session.close()


@pytest.mark.parametrize("group", GROUPS)
def test_answers_agree_with_the_recording(group: str, session: Session) -> None:
    found = Player(session).play(group)
    unknown = [f"{case}: {difference}" for case, difference in found.items() if case not in KNOWN]
    assert not unknown, "\n\n".join(unknown)
    agreeing = [case for case in KNOWN if case.startswith(f"{group}/") and case not in found]
    assert not agreeing, f"declared as different, but they agree: {agreeing}"
