"""Faults of the API for a component of the cluster, which asks the registry and not the server.

Put around the client of a component when a fault first names it, so that components nobody names pay nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from wherry.api.objects import name, namespace
from wherry.api.resources import Resource
from wherry.faults.api import ApiFaults, Request

_VERBS = ("get", "list", "create", "update", "patch", "delete")


def strike(client: Any, faults: ApiFaults, component: str, sleep: Callable[[float], Awaitable[None]]) -> None:
    """From now on requests of this client (a `client.protocol.Client`) may be struck."""
    for verb in _VERBS:
        setattr(client, verb, _struck(getattr(client, verb), faults, component, verb, sleep))


def _struck(method: Any, faults: ApiFaults, component: str, verb: str, sleep: Callable[[float], Awaitable[None]]) -> Any:
    @wraps(method)
    async def struck(resource: Resource, *args: Any, **options: Any) -> Any:
        if faults.active:
            asked = Request(verb, resource.plural, *_about(verb, args), component, "")
            fault = faults.struck(asked)
            if fault is not None:
                if fault.delay > 0:
                    await sleep(fault.delay)
                if fault.does == "drop":
                    raise ConnectionResetError("dropped by a fault")
                if fault.does == "answer":
                    raise fault.error(asked)
        return await method(resource, *args, **options)

    return struck


def _about(verb: str, args: tuple[Any, ...]) -> tuple[str, str]:
    """Namespace and name."""
    if verb == "update":
        return namespace(args[0]), name(args[0])
    space = args[0] if args else ""
    if verb == "create":
        return space, (args[1].get("metadata") or {}).get("name", "") if len(args) > 1 else ""
    return space, args[1] if len(args) > 1 else ""
