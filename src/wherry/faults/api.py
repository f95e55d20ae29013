"""Faults of the API in force: which requests are struck, by what, and how often.

Asked by the server for every request over HTTP once the caller is known, and, for components of the cluster that a fault names, by
`StruckClient`. A fault that does not say otherwise strikes every client outside and none of the cluster's own.
Source of the answers: k8s.io/apimachinery/pkg/api/errors.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from wherry.api.errors import Conflict, InternalError, ServiceUnavailable, StatusError, Timeout, TooManyRequests
from wherry.faults.where import glob


class Request(NamedTuple):
    """What a fault is compared with. `client` is the User-Agent, `user` the authenticated name ("" for a component of the cluster)."""

    verb: str
    resource: str
    namespace: str
    name: str
    client: str
    user: str


@dataclass(slots=True, eq=False)
class ApiFault:
    """The globs are compared with the request; an empty one matches everything. `times` None: as long as it is in force.

    `does`: "answer" an error after `delay` seconds; "delay" and then go on; "drop" the connection; "cut" watches after `delay` seconds.
    """

    does: Literal["answer", "delay", "drop", "cut"]
    verb: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    client: str = ""
    code: int = 500
    delay: float = 0.0
    retry_after: int = 1
    times: int | None = None
    share: float = 1.0
    struck: int = 0

    def matches(self, request: Request) -> bool:
        wanted = self.client
        return (
            (glob(wanted, request.client) or glob(wanted, request.user) if wanted else request.user != "")
            and any(glob(verb, request.verb) for verb in self.verb.split("|"))
            and glob(self.resource, request.resource)
            and glob(self.namespace, request.namespace)
            and glob(self.name, request.name)
        )

    def error(self, request: Request) -> StatusError:
        """The answer, in the words of the reference."""
        return _ANSWERS.get(self.code, _other)(self, request)


def _conflict(fault: ApiFault, request: Request) -> StatusError:
    text = "the object has been modified; please apply your changes to the latest version and try again"
    return Conflict(f'Operation cannot be fulfilled on {request.resource} "{request.name}": {text}', _details(request))


def _too_many(fault: ApiFault, request: Request) -> StatusError:
    return TooManyRequests("too many requests, please try again later", {"retryAfterSeconds": fault.retry_after})


def _timeout(fault: ApiFault, request: Request) -> StatusError:
    return Timeout("Timeout: request did not complete within the allotted duration", {"retryAfterSeconds": fault.retry_after})


def _unavailable(fault: ApiFault, request: Request) -> StatusError:
    return ServiceUnavailable("the server is currently unable to handle the request", {"retryAfterSeconds": fault.retry_after})


def _internal(fault: ApiFault, request: Request) -> StatusError:
    return InternalError("Internal error occurred: injected fault", {"causes": [{"message": "injected fault"}]})


def _other(fault: ApiFault, request: Request) -> StatusError:
    return StatusError("injected fault", _details(request), code=fault.code, reason="InternalError" if fault.code >= 500 else "BadRequest")


def _details(request: Request) -> dict[str, str]:
    return {"name": request.name, "kind": request.resource}


_ANSWERS: dict[int, Callable[[ApiFault, Request], StatusError]] = {
    409: _conflict, 429: _too_many, 500: _internal, 503: _unavailable, 504: _timeout}  # fmt: skip


@dataclass(slots=True)
class ApiFaults:
    """All methods are called on the cluster's loop. `rng` decides for faults that strike only a share of the requests."""

    rng: random.Random = field(default_factory=random.Random)
    active: list[ApiFault] = field(default_factory=list)

    def struck(self, request: Request, *, watching: bool = False) -> ApiFault | None:
        """The first fault that strikes this request; it counts as struck. `watching`: those that cut watches instead."""
        for fault in self.active:
            if (fault.does == "cut") is not watching or not fault.matches(request):
                continue
            if fault.share < 1.0 and self.rng.random() >= fault.share:
                continue
            fault.struck += 1
            if fault.times is not None and fault.struck >= fault.times:
                self.active.remove(fault)
            return fault
        return None
