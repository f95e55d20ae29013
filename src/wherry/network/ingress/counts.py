"""What the ingress controller counts of its work: requests by Service and status, and how long they took. Shown at /metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from wherry.kit.metrics import Family, Histogram, exponential

_SECONDS = exponential(0.001, 4, 8)


class Counts:
    """Services that Ingresses lead to are as many as there are, so what clients ask for makes no new row; "" is for nobody's requests."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, Histogram] = {}

    def add(self, service: str, code: int, seconds: float) -> None:
        self._answers[service, code] += 1
        if service not in self._seconds:
            self._seconds[service] = Histogram(_SECONDS)
        self._seconds[service].add(seconds)

    def families(self) -> Iterator[Family]:
        shown = [((service, str(code)), float(count)) for (service, code), count in self._answers.items()]
        yield Family("counter", "wherry_ingress_requests", "Requests of Ingresses that were answered.", ("service", "code"), shown)
        took = [((service,), each) for service, each in self._seconds.items()]
        about = "How long their answers took, with their bodies."
        yield Family("histogram", "wherry_ingress_request_duration_seconds", about, ("service",), took)
