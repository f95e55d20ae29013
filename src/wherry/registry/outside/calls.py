"""What the registry needs of the world, and one call to a webhook.

`Registry` makes one `Outside`; the cluster fills in who calls (`call`), the server whom to ask what a user may do (`decide`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wherry.api.options import User

if TYPE_CHECKING:  # the language of policies is loaded with the first policy
    from wherry.rules.cel.libraries.authorizer import Decision, Question


#: host (or its address) and port
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Call:
    """One POST to a webhook. `addresses` are where to connect, any of them, when the host of `url` is only a name for TLS (a Service)."""

    url: str
    body: bytes
    seconds: float
    ca_bundle: bytes = b""
    addresses: tuple[Address, ...] = ()


class CallFailed(Exception):
    """There was no answer; str() is why, worded as Go's HTTP client words it."""


class Caller(Protocol):
    async def __call__(self, call: Call) -> bytes:
        """The body of a 200. Raises CallFailed."""
        ...


class Outside:
    """`call` reaches webhooks, `decide` asks the authorizer about a user; None where nobody stands in front of the registry."""

    def __init__(self) -> None:
        self.call: Caller | None = None
        self.decide: Callable[[User, Question], Awaitable[Decision]] | None = None
