"""One served cluster with the kind Widget, for the tests that reach custom objects from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.rules.custom.widgets import STATUS, WIDGETS, definition, establish, schema, until, version
from wherry import Cluster

COLUMNS = [
    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status', "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "description": "How old"},
]


@pytest.fixture(scope="package")
def running() -> Iterator[Cluster]:
    """The status is open: operators keep what they like in it."""
    described: dict[str, Any] = schema()
    described["properties"]["spec"] = {**described["properties"]["spec"], "description": "What is wanted"}
    described["properties"]["status"] = {**STATUS, "x-kubernetes-preserve-unknown-fields": True}
    made = version(openapi=described, additionalPrinterColumns=COLUMNS, selectableFields=[{"jsonPath": ".spec.color"}])
    with Cluster(nodes=1, insecure_port=0, test_mode=True) as cluster:
        cluster.call(establish(cluster, definition(made)))
        yield cluster


@pytest.fixture
def served(running: Cluster) -> Iterator[Cluster]:
    """The same, without a widget left from another test."""
    yield running

    async def empty() -> bool:
        await running.aclient.delete_collection(WIDGETS, "default")
        return not (await running.aclient.list(WIDGETS)).items

    running.call(until(empty))
