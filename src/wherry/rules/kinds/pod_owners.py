"""What the strategies of all kinds with a pod template share: warnings, and whether a write changed what is asked for.

Called by `workloads` and `jobs` beside it. Warnings about a template are given when it is new, and again only with a new generation.
Source: WarningsOnCreate, WarningsOnUpdate in pkg/registry/{apps,batch,core}/*/strategy.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wherry.api.objects import Obj
from wherry.rules.objects.names import dns1123_label
from wherry.rules.objects.strategy import Strategy
from wherry.rules.pods.preparation import drop_gated_fields
from wherry.rules.pods.warnings import template_warnings

Warn = Callable[[Obj, Obj | None], list[str]]


def without_gated(strategy: Strategy, *path: str) -> Strategy:
    """The strategy, with fields of gates that are off dropped from the template's spec as from a pod's. `path` leads to the template."""

    def spec_of(obj: Obj) -> Obj:
        for name in (*path, "template", "spec"):
            obj = obj.get(name) or {}
        return obj

    def create(draft: Obj) -> None:
        strategy.prepare_create(draft)
        drop_gated_fields(spec_of(draft), None)

    def update(draft: Obj, old: Obj) -> None:
        drop_gated_fields(spec_of(draft), spec_of(old))
        strategy.prepare_update(draft, old)

    return replace(strategy, prepare_create=create, prepare_update=update)


def respecified(new: Obj, old: Obj) -> bool:
    """The write raised the generation."""
    return bool(new["metadata"].get("generation") != old["metadata"].get("generation"))


def name_warnings(obj: Obj) -> list[str]:
    """Pods get their names and hostnames from the object's. A generated name is judged by its beginning."""
    meta = obj["metadata"]
    name = meta.get("name") or meta.get("generateName", "") + "x"
    if not (messages := dns1123_label(name)):
        return []
    text = "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended"
    return [f"metadata.name: {text}: [{' '.join(messages)}]"]


def owner_warnings(*, name: bool) -> Warn:
    """Of a kind with `spec.template`; `name`: its name should be a DNS label."""

    def warnings(new: Obj, old: Obj | None) -> list[str]:
        template = (new.get("spec") or {}).get("template") or {}
        if old is not None and not respecified(new, old):
            return []
        found = name_warnings(new) if name and old is None else []
        return found + template_warnings(template, "spec.template")

    return warnings
