"""The tables of `get`, and its watches.

A printer is kept for each resource, so that pages and watch events of one resource go on under one header.
Source: kubectl pkg/cmd/get/get.go (Run, watch), table_printer.go.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from wherry.api import timestamps
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.cli.kube.errors import CommandError, collected
from wherry.cli.kube.gather import Target, gather, list_error, query, targets
from wherry.cli.kube.text import values
from wherry.cli.kube.text.sorting import order
from wherry.cli.kube.text.table import Look, TablePrinter
from wherry.cli.kube.text.tabs import TabWriter
from wherry.client.http import Query, path
from wherry.rules.texts.age import human
from wherry.rules.texts.jsonpath import JsonPathError

if TYPE_CHECKING:
    from wherry.cli.kube.printing import Printer
    from wherry.cli.kube.session import Kube

_TABLE = ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json")
Tables = list[tuple[Resource, Obj]]


async def tables(kube: Kube) -> int:
    """Everything asked for, a block of rows for each resource."""
    found, errors = await _read(kube)
    several = len({row for row, _ in found}) > 1
    writer, last, printer = TabWriter(), None, None
    written = False
    for row, table in found:
        if printer is None or row != last:
            written = _flush(kube, writer, separate=written and not kube.given["no-headers"]) or written
            writer.forget()
            printer, last = TablePrinter(_look(kube, row, several)), row
        writer.write(printer.text(_sorted(kube, table)))
    written = _flush(kube, writer, separate=written and not kube.given["no-headers"]) or written
    if not written and not errors and not kube.given["ignore-not-found"]:
        everywhere = kube.given["all-namespaces"] or any(not row.namespaced for row, _ in found)
        kube.err("No resources found\n" if everywhere else f"No resources found in {kube.namespace} namespace.\n")
    collected(errors)
    return 0


def _flush(kube: Kube, writer: TabWriter, *, separate: bool) -> bool:
    text = writer.flush()
    if text:
        kube.out(("\n" if separate else "") + text)
    return bool(text)


def _look(kube: Kube, row: Resource, several: bool) -> Look:
    given = kube.given
    kind = f"{row.kind}.{row.group}".lower() if row.group else row.kind.lower()
    return Look(
        wide=given["output"] == "wide", headers=not given["no-headers"], namespaces=given["all-namespaces"] and row.namespaced,
        kind=kind if several or given["show-kind"] else "", labels=tuple(given["label-columns"]), show_labels=given["show-labels"])


def _sorted(kube: Kube, table: Obj) -> Obj:
    field, rows = kube.given["sort-by"], table.get("rows") or []
    if not field or not rows:
        return table
    try:
        return {**table, "rows": [rows[i] for i in order([row.get("object") or {} for row in rows], field)]}
    except JsonPathError as error:
        raise CommandError(str(error)) from None


async def _read(kube: Kube) -> tuple[Tables, list[Exception]]:
    asked = query(kube, subresource=kube.given["subresource"])
    if asked.files:
        from dataclasses import replace

        named = await gather(kube, replace(asked, latest=False))
        wanted, errors = [Target(i.resource, i.namespace, i.name) for i in named.infos], list(named.errors)
    else:
        wanted, errors = await targets(kube, asked), []
    found: Tables = []
    for target in wanted:
        try:
            found += [(target.resource, table) for table in await _pages(kube, target)]
        except StatusError as error:
            if not (kube.given["ignore-not-found"] and error.reason == "NotFound"):
                errors.append(error)
    return found, errors


async def _pages(kube: Kube, target: Target) -> list[Obj]:
    given = kube.given
    base = path(target.resource, target.namespace, target.name, given["subresource"] if target.name else "")
    fixed: Query = [("includeObject", "Object")] if given["sort-by"] else []
    if target.name:
        return [as_table(await kube.client.read(base, fixed, _TABLE))]
    fixed += [(k, v) for k, v in (("labelSelector", given["selector"]), ("fieldSelector", given["field-selector"])) if v]
    limit = 0 if given["sort-by"] else given["chunk-size"]
    pages: list[Obj] = []
    token = ""
    while True:
        more = [(k, v) for k, v in (("limit", str(limit or "")), ("continue", token)) if v]
        try:
            pages.append(as_table(await kube.client.read(base, fixed + more, _TABLE)))
        except StatusError as error:
            if error.reason in ("BadRequest", "NotFound"):
                raise list_error(error, target.resource, given["selector"], given["field-selector"]) from None
            raise
        token = (pages[-1].get("metadata") or {}).get("continue", "")
        if not token:
            return pages


def as_table(answer: Obj) -> Obj:
    """The answer of a server that knows no tables as one: name and age."""
    if answer.get("kind") == "Table":
        return answer
    items = answer["items"] if isinstance(answer.get("items"), list) else [answer]
    columns = [{"name": "Name", "type": "string", "format": "name"}, {"name": "Age", "type": "string"}]
    rows = [{"cells": [item["metadata"].get("name", ""), _age(item)], "object": item} for item in items]
    return {"kind": "Table", "metadata": answer.get("metadata") or {}, "columnDefinitions": columns, "rows": rows}


def _age(obj: Obj) -> str:
    import time

    created = obj["metadata"].get("creationTimestamp")
    return human(time.time() - timestamps.parse(created)) if created else "<unknown>"


# --- watching ---
async def watch(kube: Kube, show: Printer | None) -> int:
    """The state, and then every change. `show` None: as tables."""
    given = kube.given
    asked = query(kube)
    if asked.files:
        from dataclasses import replace

        named = await gather(kube, replace(asked, latest=False))
        named.raise_errors()
        wanted = [Target(i.resource, i.namespace, i.name) for i in named.infos]
    else:
        wanted = await targets(kube, asked)
    if len({target.resource for target in wanted}) > 1 or len(wanted) != 1:
        raise CommandError("you may only specify a single resource type" if len(wanted) > 1 else "there is nothing to watch")
    if given["sort-by"]:
        kube.err("warning: --watch requested, --sort-by will be ignored for watch events received\n")
    await _Watch(kube, wanted[0], show).run()
    return 0


class _Watch:
    def __init__(self, kube: Kube, target: Target, show: Printer | None) -> None:
        self._kube = kube
        self._target = target
        self._show = show
        self._accept = "application/json" if show else _TABLE
        self._table = TablePrinter(_look(kube, target.resource, False))
        self._writer = TabWriter()
        self._tagged = kube.given["output-watch-events"]

    async def run(self) -> None:
        target, given = self._target, self._kube.given
        selectors = [(k, v) for k, v in (("labelSelector", given["selector"]), ("fieldSelector", given["field-selector"])) if v]
        base = path(target.resource, target.namespace)
        if target.name:
            selectors = [("fieldSelector", f"metadata.name={target.name}")]
        answer = await self._kube.client.read(path(target.resource, target.namespace, target.name), [] if target.name else selectors,
                                              self._accept)
        if not given["watch-only"]:
            self._first(answer)
        version = (answer.get("metadata") or {}).get("resourceVersion", "")
        stream = self._kube.client.watch_raw(base, [("watch", "true"), ("resourceVersion", version), *selectors], self._accept)
        async with aclosing(stream) as batches:  # type: ignore[type-var]
            async for batch in batches:
                for event in batch:
                    self._print(event["object"], event["type"])

    def _first(self, answer: Obj) -> None:
        if self._show is not None and isinstance(answer.get("items"), list):
            for item in answer["items"]:
                self._print({"apiVersion": self._target.resource.api_version, "kind": self._target.resource.kind, **item}, "ADDED")
        else:
            self._print(answer, "ADDED")

    def _print(self, obj: Obj, event: str) -> None:
        if self._show is not None:
            output = self._kube.given["output"]
            if self._tagged and output in ("json", "yaml"):
                tagged = {"type": event, "object": obj}
                self._kube.out(values.compact(tagged) + "\n" if output == "json" else self._show(tagged))
            else:
                self._kube.out(self._show(obj))
            return
        self._writer.write(self._table.text(as_table(obj), event if self._tagged else ""))
        self._kube.out(self._writer.flush())
