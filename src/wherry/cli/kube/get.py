"""`get`: objects and lists, as the server's tables or whole.

Source: kubectl pkg/cmd/get (get.go, get_flags.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube import program
from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import ALL_NAMESPACES, FIELD_SELECTOR, FILES, OUTPUT, SELECTOR

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.printing import Printer
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    FILES, SELECTOR, FIELD_SELECTOR, ALL_NAMESPACES, Flag("output", "Output format: wide, custom-columns, json, yaml, name, jsonpath, "
                                                        "jsonpath-as-json, jsonpath-file.", short="o"), *OUTPUT[1:],
    Flag("watch", "After listing/getting the requested object, watch for changes.", short="w", kind="bool"),
    Flag("watch-only", "Watch for changes to the requested object(s), without listing/getting first.", kind="bool"),
    Flag("output-watch-events", "Output watch event objects when --watch or --watch-only is used.", kind="bool"),
    Flag("ignore-not-found", "If set to true, suppresses NotFound error for specific objects that do not exist.", kind="bool"),
    Flag("no-headers", "When using the default or custom-column output format, don't print headers.", kind="bool"),
    Flag("show-kind", "If present, list the resource type for the requested object(s).", kind="bool"),
    Flag("show-labels", "When printing, show all labels as the last column.", kind="bool"),
    Flag("label-columns", "A comma separated list of labels that are going to be presented as columns.", short="L", kind="strings"),
    Flag("sort-by", "Sort list types using this field specification."),
    Flag("subresource", "Operate on the subresource of the requested object."),
    Flag("chunk-size", "Return large lists in chunks rather than all at once. Pass 0 to disable.", kind="int", default=500),
    Flag("raw", "Raw URI to request from the server."),
))
FORMATS = ("custom-columns", "custom-columns-file", "go-template", "go-template-file", "json", "jsonpath", "jsonpath-as-json",
           "jsonpath-file",
           "name", "template", "templatefile", "wide", "yaml")


async def _run(kube: Kube, given: Given) -> int:
    from wherry.cli.kube.get_tables import tables, watch

    _check(kube, given)
    if given["raw"]:
        answer = await kube.client.request("GET", given["raw"])
        kube.out(answer.body.decode("utf-8", "replace"))
        return 0
    if given["watch"] or given["watch-only"]:
        return await watch(kube, None if _is_table(given) else whole(kube))
    if _is_table(given):
        return await tables(kube)
    await _objects(kube, whole(kube))
    return 0


def _is_table(given: Given) -> bool:
    return given["output"] in ("", "wide")


def _check(kube: Kube, given: Given) -> None:
    from wherry.cli.kube.errors import CommandError

    if given["raw"]:
        if given.arguments:
            raise CommandError("arguments may not be passed when --raw is specified")
        return
    if given["show-labels"] and not _is_table(given):
        raise CommandError(f"--show-labels option cannot be used with {given['output']} printer")
    if given["output-watch-events"] and not (given["watch"] or given["watch-only"]):
        raise CommandError("--output-watch-events option can only be used with --watch or --watch-only")
    if not given.arguments and not given["filename"] and not given["kustomize"]:
        base = program.name()
        kube.err("You must specify the type of resource to get.\n\n")
        raise CommandError(f"Required resource not specified.\nSee '{base} get -h' for help and examples")


def whole(kube: Kube) -> Printer:
    """The printer of complete objects that -o names."""
    from wherry.cli.kube.printing import whole as other

    output = str(kube.given["output"])
    if output.startswith("custom-columns"):
        return _columns(kube, output)
    return other(kube, output, FORMATS)


def _columns(kube: Kube, output: str) -> Printer:
    from pathlib import Path

    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.text import columns as texts
    from wherry.cli.kube.text.tabs import TabWriter
    from wherry.rules.texts.jsonpath import JsonPathError

    kind, _, argument = output.partition("=")
    try:
        columns = texts.from_spec(argument) if kind == "custom-columns" else texts.from_template(Path(argument).read_text())
    except JsonPathError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"error reading template {argument}, open {argument}: {(error.strerror or '').lower()}\n") from None
    headers = not kube.given["no-headers"]
    writer = TabWriter()

    def text(obj: Obj) -> str:
        nonlocal headers
        items = obj["items"] if isinstance(obj.get("items"), list) else [obj]
        writer.write(texts.header(columns) if headers else "")
        headers = False
        try:
            writer.write("".join(texts.row(columns, item) for item in items))
        except JsonPathError as error:
            raise CommandError(str(error)) from None
        return writer.flush()

    return text


async def _objects(kube: Kube, show: Printer) -> None:
    """Everything as one object or one list."""
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query
    from wherry.cli.kube.printing import as_list
    from wherry.cli.kube.text.sorting import order
    from wherry.rules.texts.jsonpath import JsonPathError

    found = await gather(kube, query(kube, subresource=kube.given["subresource"]))
    errors = [e for e in found.errors if not (kube.given["ignore-not-found"] and getattr(e, "reason", "") == "NotFound")]
    if found.single and errors:
        raise errors[0]
    objects = [info.object for info in found.infos]
    if not objects and kube.given["ignore-not-found"]:
        collected(errors)
        return
    if kube.given["sort-by"] and objects and not found.single:
        try:
            objects = [objects[i] for i in order(objects, kube.given["sort-by"])]
        except JsonPathError as error:
            raise CommandError(str(error)) from None
    kube.out(show(objects[0] if found.single else as_list(objects)))
    collected(errors)


get = KubeCommand("get", _run, _FLAGS, usage="(TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...)",
                  summary="Display one or many objects.")
