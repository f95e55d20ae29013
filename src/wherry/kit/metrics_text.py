"""Families as the text that Prometheus reads; the library is imported with the first question.

Called by the API server and by a node's own API.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wherry.kit.metrics import Family, Histogram

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector


def text(families: Iterable[Family], accept: str) -> tuple[bytes, str]:
    """The exposition and its content type: OpenMetrics for who accepts it, else the older text. The system tells of the process."""
    from prometheus_client import PROCESS_COLLECTOR, CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry()
    registry.register(_shown(list(families)))
    registry.register(PROCESS_COLLECTOR)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _shown(families: list[Family]) -> Collector:
    from prometheus_client.registry import Collector

    class Shown(Collector):
        def collect(self) -> Iterable[Metric]:
            return map(_metric, families)

    return Shown()


def _metric(family: Family) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    if family.kind == "histogram":
        histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        for labels, value in family.values:
            assert isinstance(value, Histogram)
            histogram.add_metric(labels, buckets=value.buckets(), sum_value=value.total)
        return histogram
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(family.name, family.help, labels=family.labels)
    for labels, value in sorted(family.values):
        assert not isinstance(value, Histogram)
        metric.add_metric(labels, value)
    return metric
