"""What a rehearsal changes: images, a manifest, the way of the rollout, an earlier revision; without any of these, a restart.

`Change` says it, `changed` makes the workload's new version: a pure function, as the server would get it from `set image` or `apply`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from wherry.api.objects import Obj, annotations_of
from wherry.api.options import STRATEGIC_PATCH
from wherry.api.resources import Resource
from wherry.api.schema import definition
from wherry.rehearse.world import RehearsalError
from wherry.rollout.changes import KEPT, RESTARTED_AT
from wherry.rules.writing.patch import apply, three_way

_APPLIED = KEPT[0]
#: metadata that a server writes; a file made by `get -o yaml` has it, and it belongs to another moment
_SERVERS = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "ownerReferences")
_KINDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Deployment": {
        "maxSurge": ("strategy", "rollingUpdate", "maxSurge"),
        "maxUnavailable": ("strategy", "rollingUpdate", "maxUnavailable"),
        "type": ("strategy", "type"),
        "progressDeadlineSeconds": ("progressDeadlineSeconds",),
    },
    "DaemonSet": {
        "maxSurge": ("updateStrategy", "rollingUpdate", "maxSurge"),
        "maxUnavailable": ("updateStrategy", "rollingUpdate", "maxUnavailable"),
    },
    "StatefulSet": {
        "maxUnavailable": ("updateStrategy", "rollingUpdate", "maxUnavailable"),
        "partition": ("updateStrategy", "rollingUpdate", "partition"),
    },
}
_EVERYWHERE = {"minReadySeconds": ("minReadySeconds",), "replicas": ("replicas",)}


@dataclass(frozen=True, slots=True)
class Change:
    """`images`: container name -> image, `*` for all. `to_revision`: as `rollout undo` would; 0: the one before; None: no undo.

    `steps`: as `rollout steps` takes them; "": those that the workload has, if any. An undo goes without.
    """

    images: Mapping[str, str] = field(default_factory=dict)
    manifest: Obj | None = None
    to_revision: int | None = None
    steps: str = ""

    @property
    def text(self) -> str:
        if self.to_revision is not None:
            return f"undo to revision {self.to_revision}" if self.to_revision else "undo"
        parts = [image if name == "*" else f"{name}={image}" for name, image in self.images.items()]
        if self.manifest is not None:
            parts.insert(0, "the manifest")
        return ", ".join(parts) or "restart"


@dataclass(frozen=True, slots=True)
class Strategy:
    """Settings of the rollout to try, as (name, value); none: as it is."""

    settings: tuple[tuple[str, int | str], ...] = ()

    @property
    def text(self) -> str:
        return ", ".join(f"{k}={v}" for k, v in self.settings) or "as it is"


def parse_strategies(text: str) -> list[Strategy]:
    """`maxSurge=25%,maxSurge=1+maxUnavailable=0`: commas between strategies, `+` within one. Raises RehearsalError."""
    return [Strategy(tuple(_setting(part, text) for part in each.split("+"))) for each in text.split(",") if each.strip()]


def _setting(part: str, text: str) -> tuple[str, int | str]:
    name, equals, value = part.strip().partition("=")
    if not name or not equals or not value:
        raise RehearsalError(f'"{text}" is no list of strategies such as maxSurge=25%,maxSurge=1+maxUnavailable=0')
    return name, int(value) if value.isdigit() else value


def changed(resource: Resource, workload: Obj, change: Change, strategy: Strategy, now: str) -> Obj:
    """The new version. `now`: an RFC 3339 time, for a restart. Raises RehearsalError."""
    new = workload
    if change.manifest is not None:
        new = _applied(resource, workload, change.manifest)
    if change.images:
        new = _with_images(new, change.images)
    elif change.manifest is None and change.to_revision is None:
        new = _restarted(new, now)
    for name, value in strategy.settings:
        new = _set(new, name, value)
    return new


def _applied(resource: Resource, live: Obj, manifest: Obj) -> Obj:
    """As a client-side apply: what was applied before and is not there any more goes."""
    before = annotations_of(live).get(_APPLIED)
    original = json.loads(before) if before else {}
    node = definition(resource.schema)
    return apply(STRATEGIC_PATCH, live, three_way.strategic(original, _as_written(manifest, live), live, node), node)


def _as_written(manifest: Obj, live: Obj) -> Obj:
    """What the manifest says of the object itself: in the namespace it is read from, without what a server had written into it."""
    known = live["metadata"]
    meta = {k: v for k, v in (manifest.get("metadata") or {}).items() if k not in _SERVERS}
    own = {k: known[k] for k in ("name", "namespace") if k in known}
    return {**{k: v for k, v in manifest.items() if k != "status"}, "metadata": {**meta, **own}}


def _with_images(workload: Obj, images: Mapping[str, str]) -> Obj:
    spec = workload["spec"]["template"]["spec"]
    names = {c["name"] for place in ("containers", "initContainers") for c in spec.get(place) or ()}
    unknown = [n for n in images if n != "*" and n not in names]
    if unknown:
        raise RehearsalError(f'unable to find container named "{unknown[0]}"')
    new = {
        place: [{**c, "image": images.get(c["name"], images.get("*", c.get("image")))} for c in spec[place]]
        for place in ("containers", "initContainers")
        if spec.get(place)
    }
    return _in(workload, ("spec", "template", "spec"), {**spec, **new})


def _restarted(workload: Obj, now: str) -> Obj:
    meta = workload["spec"]["template"].get("metadata") or {}
    stamped = {**meta, "annotations": {**(meta.get("annotations") or {}), RESTARTED_AT: now}}
    return _in(workload, ("spec", "template", "metadata"), stamped)


def _set(workload: Obj, name: str, value: int | str) -> Obj:
    kind = workload["kind"]
    place = {**_KINDS[kind], **_EVERYWHERE}.get(name)
    if place is None or (name == "replicas" and kind == "DaemonSet"):
        known = ", ".join(n for n in {**_KINDS[kind], **_EVERYWHERE} if kind != "DaemonSet" or n != "replicas")
        raise RehearsalError(f'a {kind} has no setting "{name}" to try: {known}')
    if name == "type":
        rest = {k: v for k, v in (workload["spec"].get("strategy") or {}).items() if k != "rollingUpdate" or value == "RollingUpdate"}
        return _in(workload, ("spec", "strategy"), {**rest, "type": value})
    return _in(workload, ("spec", *place), value)


def _in(obj: Obj, place: tuple[str, ...], value: object) -> Obj:
    """A copy with one value replaced."""
    if len(place) == 1:
        return {**obj, place[0]: value}
    return {**obj, place[0]: _in(obj.get(place[0]) or {}, place[1:], value)}
