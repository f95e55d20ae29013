"""`events`: what happened, oldest first.

Source: kubectl pkg/cmd/events (events.go, event_printer.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import ALL_NAMESPACES, OUTPUT

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    ALL_NAMESPACES, OUTPUT,
    Flag("watch", "After listing the requested events, watch for more events.", short="w", kind="bool"),
    Flag("for", "Filter events to only those pertaining to the specified resource."),
    Flag("types", "Output only events of given types.", kind="strings"),
    Flag("no-headers", "When using the default output format, don't print headers.", kind="bool"),
))


async def _run(kube: Kube, given: Given) -> None:
    from wherry.api.resources import resource
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.gather import listed
    from wherry.cli.kube.text.events import header, ordered, row
    from wherry.cli.kube.text.tabs import TabWriter

    if any(t.lower() not in ("normal", "warning") for t in given["types"]):
        raise CommandError("valid --types are Normal or Warning")
    selector = await _selector(kube, given)
    events = resource("events")
    namespace = "" if given["all-namespaces"] else kube.namespace
    if given["watch"]:
        await _watch(kube, given, namespace, selector)
        return
    found = ordered([e async for e in listed(kube, events, namespace, "", selector) if wanted(given, e)])
    if not found:
        kube.err("No events found.\n" if given["all-namespaces"] else f"No events found in {kube.namespace} namespace.\n")
    elif given["output"]:
        from wherry.cli.kube.printing import whole

        kube.out(whole(kube, given["output"])({"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": found}))
    else:
        writer = TabWriter()
        everywhere = given["all-namespaces"]
        writer.write(("" if given["no-headers"] else header(everywhere)) + "".join(row(e, kube.now(), everywhere) for e in found))
        kube.out(writer.flush())


def wanted(given: Given, event: Obj) -> bool:
    types = {t.lower() for t in given["types"]}
    return not types or str(event.get("type", "")).lower() in types


async def _selector(kube: Kube, given: Given) -> str:
    from wherry.cli.kube.errors import CommandError

    text = given["for"]
    if not text:
        return ""
    kind, slash, name = text.partition("/")
    if not slash:
        raise CommandError("--for must be in resource/name form")
    if "/" in name:
        raise CommandError("arguments in resource/name form may not have more than one slash")
    row = await kube.mapper.resource(kind)
    return f"involvedObject.kind={row.kind},involvedObject.apiVersion={row.api_version},involvedObject.name={name}"


async def _watch(kube: Kube, given: Given, namespace: str, selector: str) -> None:
    from contextlib import aclosing

    from wherry.api.resources import resource
    from wherry.cli.kube.text.events import header, row
    from wherry.cli.kube.text.tabs import TabWriter

    writer, everywhere = TabWriter(), given["all-namespaces"]
    writer.write("" if given["no-headers"] else header(everywhere))
    async with aclosing(kube.client.watch(resource("events"), namespace, field_selector=selector)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            rows = [row(e.object, kube.now(), everywhere) for e in batch if e.type in ("ADDED", "MODIFIED") and wanted(given, e.object)]
            writer.write("".join(rows))
            kube.out(writer.flush())


events = KubeCommand("events", _run, _FLAGS, usage="[(-o|--output=)json|yaml|name|jsonpath] [--for TYPE/NAME] [--watch]",
                     summary="Show what happened, oldest first.")
