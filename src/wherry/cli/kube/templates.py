"""What the `set` commands share: a change of the pod template of many objects, each sent as a strategic merge patch.

Source: kubectl pkg/cmd/set/helper.go (CalculatePatches, selectContainers), polymorphichelpers/updatepodspec.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.options import STRATEGIC_PATCH, WriteOptions
from wherry.api.schema import definition
from wherry.cli.kube.errors import CommandError, collected
from wherry.cli.kube.gather import LOCAL_ONLY, Info, gather, query
from wherry.cli.kube.printing import Printer, dry_run, printer
from wherry.cli.kube.recording import recorded
from wherry.rules.writing.patch.difference import difference

if TYPE_CHECKING:
    from wherry.cli.kube.session import Kube

#: pod spec -> pod spec, or None when nothing is to be sent; errors that do not stop it go to the list
Change = Callable[[Info, Obj, list[Exception]], Obj | None]
#: where the pod spec stands, by kind
_PLACES = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"), ("spec", "template", "spec")),
    "Pod": ("spec",), "CronJob": ("spec", "jobTemplate", "spec", "template", "spec")}


async def run(kube: Kube, words: list[str], change: Change, done: str, failed: str, *, records: bool = True) -> None:
    """`done`: the word for success; `failed`: how the error of a refused patch begins."""
    dry = dry_run(kube)
    show = printer(kube, done, dry=dry)
    local = kube.given["local"]
    if local and dry == "server":
        raise CommandError("cannot specify --local and --dry-run=server - did you mean --dry-run=client?")
    if local and words:
        raise CommandError(LOCAL_ONLY)
    found = await gather(kube, query(kube, words, everything=kube.given["all"]))
    found.raise_errors()
    errors: list[Exception] = []
    for info in found.infos:
        try:
            changed = _changed(kube, info, change, errors, records)
            if changed is not None:
                await _send(kube, info, changed, show, failed, dry)
        except CommandError as error:
            errors.append(error)
    collected(errors)


def _changed(kube: Kube, info: Info, change: Change, errors: list[Exception], records: bool) -> Obj | None:
    place = _PLACES.get(info.resource.kind)
    if place is None:
        raise CommandError(f"error: {info.shown} the object is not a pod or does not have a pod template: {info.resource.kind}\n")
    spec = info.object
    for name in place:
        spec = spec.get(name) or {}
    wanted = change(info, spec, errors)
    if wanted is None:
        return None
    return recorded(_placed(info.object, place, wanted), kube.cause if records or kube.given.get("change-cause") else "")


def _placed(obj: Obj, place: tuple[str, ...], value: Obj) -> Obj:
    return {**obj, place[0]: _placed(obj.get(place[0]) or {}, place[1:], value) if len(place) > 1 else value}


async def _send(kube: Kube, info: Info, changed: Obj, show: Printer, failed: str, dry: str) -> None:
    patch = difference(info.object, changed, definition(info.resource.schema))
    if not patch:
        return
    if kube.given["local"] or dry == "client":
        kube.out(show(changed))
        return
    options = WriteOptions(field_manager=kube.given["field-manager"], dry_run=dry == "server")
    try:
        written = await kube.client.patch(info.resource, info.namespace, info.name, patch, STRATEGIC_PATCH, options=options)
    except StatusError as error:
        raise CommandError(f"{failed} {error.message}") from None
    kube.out(show(written))


def selected(spec: Obj, pattern: str) -> list[str]:
    """Names of the containers, and then of the init containers, that the pattern means."""
    return [c["name"] for field in ("containers", "initContainers") for c in spec.get(field) or () if matches(c["name"], pattern)]


def edit(spec: Obj, names: list[str], change: Callable[[Obj], Obj]) -> Obj:
    """The pod spec with those containers changed."""
    out = dict(spec)
    for field in ("containers", "initContainers"):
        if spec.get(field):
            out[field] = [change(c) if c["name"] in names else c for c in spec[field]]
    return out


def matches(name: str, pattern: str) -> bool:
    """`*` stands for anything; each part must follow the one before."""
    if "*" not in pattern:
        return name == pattern
    first, *middle, last = pattern.split("*")
    if not name.startswith(first) or not name.endswith(last) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
