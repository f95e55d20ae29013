"""What the server counts of requests.

Counted once per request by `app.ApiServer`; shown at `/metrics` with the families of the other parts, which the cluster gives as a
`Source`. Names, labels and buckets are the reference's.
Source: k8s.io/apiserver/pkg/endpoints/metrics; https://kubernetes.io/docs/reference/instrumentation/metrics/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wherry.kit.metrics import Family, Histogram

if TYPE_CHECKING:

    from wherry.server.routes import Route

_BUCKETS = (
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
)  # fmt: skip
_LABELS = ("verb", "group", "version", "resource", "subresource", "scope", "dry_run", "component")
_COMPONENT = "apiserver"
_REQUESTS = ("Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP "
             "response code.")  # fmt: skip
_DURATIONS = ("Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and "
              "component.")  # fmt: skip


#: what a request was about, as far as the labels say: verb, group, version, resource, subresource, scope, dry run
Asked = tuple[str, str, str, str, str, str, str]


def asked(verb: str, route: Route | None, dry_run: bool) -> Asked:
    """The labels of a request; `route`: None for one that is not about a resource."""
    tried = "All" if dry_run else ""
    if route is None:
        return verb, "", "", "", "", "", tried
    target = route.target
    row = target.resource
    scope = "resource" if target.name else "namespace" if target.namespace else "cluster"
    return verb, row.group, row.version, row.plural, target.subresource, scope, tried


class Metrics:
    """Of one server."""

    def __init__(self) -> None:
        self._requests: dict[tuple[Asked, int], int] = {}
        self._durations: dict[Asked, Histogram] = {}

    def count(self, asked: Asked, code: int, seconds: float) -> None:
        """A request was answered; of a watch only that."""
        key = asked, code
        self._requests[key] = self._requests.get(key, 0) + 1
        if asked[0] != "WATCH":
            durations = self._durations.get(asked)
            if durations is None:
                durations = self._durations[asked] = Histogram(_BUCKETS)
            durations.add(seconds)

    def families(self, long: int, under_way: int) -> Iterator[Family]:
        """`long`: watches and log streams under way; `under_way`: other requests."""
        requests = [((*of, _COMPONENT, str(code)), float(count)) for (of, code), count in self._requests.items()]
        yield Family("counter", "apiserver_request", _REQUESTS, (*_LABELS, "code"), requests)
        durations = [((*of, _COMPONENT), each) for of, each in self._durations.items()]
        yield Family("histogram", "apiserver_request_duration_seconds", _DURATIONS, _LABELS, durations)
        now = [((_COMPONENT,), float(long))]
        yield Family("gauge", "apiserver_longrunning_requests", "Watches and log streams under way.", ("component",), now)
        kinds = [(("",), float(under_way))]
        yield Family("gauge", "apiserver_current_inflight_requests", "Requests that are being answered.", ("request_kind",), kinds)
