"""The sessions recorded with kubectl on the reference come out the same with wherry's commands on wherry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.kube.recordings import play
from tests.replay.harness import GOLDEN, Session
from wherry import Cluster

NAMES = sorted(path.stem for path in (GOLDEN / "transcripts").glob("*.json"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=4, routine_events=False, test_mode=True) as running:
        yield running


@pytest.mark.slow
@pytest.mark.kubectl
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_session_comes_out_the_same(cluster: Cluster, name: str, tmp_path: Path) -> None:
    session = Session(cluster)
    try:
        differences = play(name, session, tmp_path)
    finally:
        session.close()
    assert not differences, "\n\n".join(differences)
