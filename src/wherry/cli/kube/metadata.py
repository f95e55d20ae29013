"""What `annotate` and `label` share: a change of one map in the metadata of objects.

Source: kubectl pkg/cmd/annotate/annotate.go, pkg/cmd/label/label.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.options import MERGE_PATCH, WriteOptions
from wherry.cli.kube.errors import CommandError, Several, collected
from wherry.cli.kube.gather import Info, gather, query
from wherry.cli.kube.printing import dry_run, printer
from wherry.cli.kube.recording import recorded

if TYPE_CHECKING:
    from wherry.cli.kube.session import Kube


@dataclass(frozen=True, slots=True)
class Edit:
    """Keys of metadata.labels or metadata.annotations to set and to remove. `check` refuses values that are there and differ."""

    field: Literal["labels", "annotations"]
    values: dict[str, str]
    removed: list[str]
    check: Callable[[dict[str, str], dict[str, str]], None]

    def apply(self, obj: Obj, *, overwrite: bool) -> tuple[Obj, bool, bool]:
        """The object after the edit; whether something was set, whether something was removed."""
        current: dict[str, str] = (obj.get("metadata") or {}).get(self.field) or {}
        if not overwrite:
            self.check(current, self.values)
        added = any(current.get(k) != v for k, v in self.values.items())
        gone = any(k in current for k in self.removed)
        edited = {k: v for k, v in {**current, **self.values}.items() if k not in self.removed}
        return {**obj, "metadata": {**obj["metadata"], self.field: edited}}, added, gone


async def run(kube: Kube, words: list[str], edit: Edit, done: Callable[[bool, bool], str]) -> None:
    """`done`: the word for what happened, of (something set, something removed)."""
    given = kube.given
    dry = dry_run(kube)
    local = given["local"]
    if local and dry == "server":
        raise CommandError("cannot specify --local and --dry-run=server - did you mean --dry-run=client?")
    if not local and not words and not given["filename"] and not given["kustomize"]:
        raise CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if given["list"] and given["output"]:
        raise CommandError("--list and --output may not be specified together")
    found = await gather(kube, query(kube, words, everything=False))
    if given["resource-version"] and not found.single:
        raise CommandError("--resource-version may only be used with a single resource")
    errors = list(found.errors)
    for info in found.infos:
        try:
            await _one(kube, info, edit, done, dry, found.single)
        except (StatusError, CommandError, Several) as error:
            errors.append(error)
    collected(errors)


async def _one(kube: Kube, info: Info, edit: Edit, done: Callable[[bool, bool], str], dry: str, single: bool) -> None:
    given = kube.given
    edited, added, gone = edit.apply(info.object, overwrite=given["overwrite"])
    if given["list"]:
        kube.out(_listing(info, edited, edit.field, single))
        return
    result = edited
    if dry != "client" and not given["local"]:
        if edit.field == "labels":
            missing = [key for key in edit.removed if key not in ((info.object.get("metadata") or {}).get("labels") or {})]
            kube.out("".join(f'label "{key}" not found.\n' for key in missing))
        if edit.field == "annotations" or added or gone:
            patch = _patch(info.object, recorded(edited, kube.cause), given["resource-version"])
            options = WriteOptions(field_manager=given["field-manager"], dry_run=dry == "server")
            result = await kube.client.patch(info.resource, info.namespace, info.name, patch, MERGE_PATCH, options=options)
    kube.out(printer(kube, done(added, gone), dry=dry)(result))


def _patch(before: Obj, after: Obj, version: str) -> Obj:
    meta: Obj = {}
    for name in ("labels", "annotations"):
        old, new = before["metadata"].get(name) or {}, after["metadata"].get(name) or {}
        changed = {k: v for k, v in new.items() if old.get(k) != v} | {k: None for k in old if k not in new}
        if changed:
            meta[name] = changed
    if version:
        meta["resourceVersion"] = version
    return {"metadata": meta} if meta else {}


def _listing(info: Info, obj: Obj, field: str, single: bool) -> str:
    values = obj["metadata"].get(field) or {}
    lines = [f"{'' if single else ' '}{key}={value}\n" for key, value in sorted(values.items())]
    head = "" if single else f"Listing {field} for {info.resource.kind}.{info.resource.group}/{info.name}:\n"
    return head + "".join(lines)
