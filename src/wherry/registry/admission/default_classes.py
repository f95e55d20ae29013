"""Which class is the default one: the newest of those that an annotation marks, of two equally new the first by name.

Called by DefaultStorageClass and DefaultIngressClass.
Source: pkg/volume/util/storageclass.go, plugin/pkg/admission/network/defaultingressclass.
"""

from __future__ import annotations

from collections.abc import Sequence

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.store.protocol import Store


async def default_class(store: Store, table: str, annotations: Sequence[str], unless: str = "") -> str:
    """Its name, "" when there is none. `unless`: an annotation of classes that are not for admission to give."""
    if not store.size(table):
        return ""
    found = await store.range(f"{table}/")
    marked = [meta for meta in (r.object()["metadata"] for r in found.records) if _is_marked(meta, annotations, unless)]
    best = min(marked, key=lambda meta: (-timestamps.parse(meta["creationTimestamp"]), meta["name"]), default=None)
    return best["name"] if best else ""


def _is_marked(meta: Obj, annotations: Sequence[str], unless: str) -> bool:
    notes = meta.get("annotations") or {}
    return unless not in notes and any(notes.get(name) == "true" for name in annotations)
