"""`patch`: changes fields of objects by a patch as it is given.

Source: kubectl pkg/cmd/patch/patch.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.options import DRY_RUN, FILES, LOCAL, OUTPUT, RECORD, manager

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.api.options import PatchType
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    FILES, DRY_RUN, LOCAL, OUTPUT, RECORD, manager("kubectl-patch"),
    Flag("patch", "The patch to be applied to the resource JSON file.", short="p"),
    Flag("patch-file", "A file containing a patch to be applied to the resource."),
    Flag("type", "The type of patch being provided; one of [json merge strategic].", default="strategic"),
    Flag("subresource", "Operate on the subresource of the requested object."),
))
TYPES: dict[str, PatchType] = {"json": "application/json-patch+json", "merge": "application/merge-patch+json",
                               "strategic": "application/strategic-merge-patch+json"}


async def _run(kube: Kube, given: Given) -> None:
    from wherry.api.errors import StatusError
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.gather import gather, query
    from wherry.cli.kube.printing import dry_run

    dry = dry_run(kube)
    body = _body(given)
    found = await gather(kube, query(kube, latest=False, everything=False, subresource=given["subresource"]))
    errors = list(found.errors)
    for info in found.infos:
        try:
            await _one(kube, given, info, body, dry)
        except (StatusError, CommandError) as error:
            errors.append(error)
    collected(errors)
    if not found.infos:
        raise CommandError("no objects passed to patch")


def _body(given: Given) -> bytes:
    """The patch as JSON. Raises CommandError."""
    from pathlib import Path

    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.text.values import compact

    if given["patch"] and given["patch-file"]:
        raise CommandError("cannot specify --patch and --patch-file together")
    if not given["patch"] and not given["patch-file"]:
        raise CommandError("must specify --patch or --patch-file containing the contents of the patch")
    if given["local"] and given.arguments:
        raise CommandError("cannot specify --local and server resources")
    if given["type"].lower() not in TYPES:
        raise CommandError(f'--type must be one of [json merge strategic], not "{given["type"]}"')
    try:
        text = Path(given["patch-file"]).read_text() if given["patch-file"] else given["patch"]
    except OSError as error:
        raise CommandError(f"unable to read patch file: open {given['patch-file']}: {(error.strerror or '').lower()}") from None
    if text.lstrip()[:1] in ("{", "["):
        return str(text).encode()
    from wherry.rules.schema.decode.yaml_text import YamlFault, read

    try:
        value, _ = read(text.encode())
    except YamlFault as fault:
        raise CommandError(f'unable to parse "{text}": {fault}') from None
    return compact(value).encode()


async def _one(kube: Kube, given: Given, info: Info, body: bytes, dry: str) -> None:
    from wherry.api.errors import UnsupportedMediaType
    from wherry.api.options import WriteOptions
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.printing import printer

    patch_type = TYPES[given["type"].lower()]
    if given["local"] or dry == "client":
        patched = _locally(info, body, patch_type)
    else:
        options = WriteOptions(field_manager=given["field-manager"], dry_run=dry == "server")
        try:
            patched = await kube.client.patch(info.resource, info.namespace, info.name, body, patch_type, subresource=given["subresource"],
                                              options=options)
        except UnsupportedMediaType as error:
            kind = f"{info.resource.api_version}, Kind={info.resource.kind}"
            raise CommandError(f"{patch_type} is not supported by {kind}: {error.message}") from None
        patched = await _recorded(kube, given, info, patched)
    changed = patched != info.object
    kube.out(printer(kube, "patched" if changed else "patched (no change)", dry=dry)(patched))


async def _recorded(kube: Kube, given: Given, info: Info, patched: Obj) -> Obj:
    from wherry.api.errors import StatusError
    from wherry.api.options import MERGE_PATCH, WriteOptions
    from wherry.cli.kube.recording import merge_patch

    patch = merge_patch(patched, kube.cause)
    if not patch:
        return patched
    try:
        return await kube.client.patch(info.resource, info.namespace, info.name, patch, MERGE_PATCH, subresource=given["subresource"],
                                       options=WriteOptions(field_manager=given["field-manager"]))
    except StatusError:
        return patched


def _locally(info: Info, body: bytes, patch_type: PatchType) -> Obj:
    from wherry.api.schema import definition
    from wherry.cli.kube.errors import CommandError
    from wherry.rules.writing.patch import apply, parse_patch

    try:
        node = definition(info.resource.schema)
    except KeyError:
        node = None
    if node is None and patch_type == TYPES["strategic"]:
        kind = f"{info.resource.api_version}, Kind={info.resource.kind}"
        raise CommandError(f"strategic merge patch is not supported for {kind} locally, try --type merge")
    return apply(patch_type, info.object, parse_patch(patch_type, body), node)


patch = KubeCommand("patch", _run, _FLAGS, usage="(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]",
                    summary="Change fields of objects by a strategic merge patch, a JSON merge patch or a JSON patch.")
