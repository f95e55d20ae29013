"""`wait`: until conditions of objects are met.

Source: kubectl pkg/cmd/wait (wait.go, condition.go, delete.go, create.go, json.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import ALL, ALL_NAMESPACES, FIELD_SELECTOR, FILES, LOCAL, OUTPUT, SELECTOR

if TYPE_CHECKING:
    from wherry.cli.kube.conditions import Condition
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    FILES, SELECTOR, FIELD_SELECTOR, ALL, ALL_NAMESPACES, LOCAL, OUTPUT,
    Flag("for",
         "The condition to wait on: [create|delete|condition=condition-name[=condition-value]|jsonpath='{JSONPath expression}'=[value]].",
         kind="array"),
    Flag("timeout", "The length of time to wait before giving up. Zero means check once, negative means wait for a week.", kind="duration",
         default=30.0),
))
POLL, WEEK = 0.5, 7 * 24 * 3600.0


async def _run(kube: Kube, given: Given) -> None:
    import asyncio

    from wherry.cli.kube.conditions import parse
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query

    conditions = [parse(text) for text in given["for"]]
    if not conditions:
        raise CommandError('unrecognized condition: ""')
    timeout = given["timeout"] if given["timeout"] >= 0 else WEEK
    deadline = asyncio.get_running_loop().time() + timeout
    if any(c.kind == "create" for c in conditions):
        await _created(kube, timeout)
    deleting = any(c.kind == "delete" for c in conditions)
    found = await gather(kube, query(kube, everything=False))
    errors = [e for e in found.errors if not (deleting and getattr(e, "reason", "") == "NotFound")]
    for info in found.infos:
        for condition in conditions:
            left = max(0.0, deadline - asyncio.get_running_loop().time())
            error = await _one(kube, info, condition, left if timeout else None)
            if error is not None:
                errors.append(error)
                break
    collected(errors)
    if not found.infos and not deleting:
        raise CommandError("no matching resources found")


async def _created(kube: Kube, timeout: float) -> None:
    """Until something that was asked for is there."""
    import asyncio

    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query

    try:
        async with asyncio.timeout(timeout):
            while True:
                found = await gather(kube, query(kube, everything=False))
                collected([e for e in found.errors if getattr(e, "reason", "") != "NotFound"])
                if found.infos:
                    return
                await asyncio.sleep(POLL)
    except TimeoutError:
        raise CommandError("timed out waiting for the condition") from None


async def _one(kube: Kube, info: Info, condition: Condition, timeout: float | None) -> Exception | None:
    """`timeout` None: look once. Prints the object when the condition is met."""
    import asyncio
    from contextlib import aclosing

    from wherry.api.errors import StatusError, not_found
    from wherry.cli.kube.errors import CommandError
    from wherry.client.follow import follow

    late = CommandError(f"timed out waiting for the condition on {info.shown}")
    try:
        if timeout is None:
            late = CommandError(f"condition not met for {info.shown}")
            if not await condition.met_now(kube.client, info):
                return late
            _print(kube, info)
            return None
        stream = follow(kube.client, info.resource, info.namespace, info.name)
        async with asyncio.timeout(timeout), aclosing(stream) as versions:  # type: ignore[type-var]
            async for version in versions:
                if condition.kind == "delete":
                    if version is None or version["metadata"].get("uid") != info.object["metadata"].get("uid"):
                        _print(kube, info)
                        return None
                elif version is None:
                    raise not_found(info.resource.group_resource, info.name)
                elif condition.met(version):
                    info.object = {"apiVersion": info.resource.api_version, "kind": info.resource.kind, **version}
                    _print(kube, info)
                    return None
    except TimeoutError:
        return late
    except (StatusError, CommandError) as error:
        return error
    return late


def _print(kube: Kube, info: Info) -> None:
    from wherry.cli.kube.printing import printer

    kube.out(printer(kube, "condition met")(info.object))


wait = KubeCommand("wait", _run, _FLAGS,
                   usage="([-f FILENAME] | TYPE/NAME | TYPE [(-l label | --all)]) --for=create|delete|condition=...|jsonpath=...",
                   summary="Wait until objects are created, are deleted, or meet a condition.")
