"""The cluster that the audits share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.inspection.audit_session import Api
from wherry import Cluster


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Cluster(nodes=1) as cluster:
        yield Api(cluster)
