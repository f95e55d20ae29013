"""Pod specs seen before: what default, admission and validation made of them, shared by all pods of one template.

Used by creates for pods that our own controllers make. A controller makes many pods with equal specs; what happens to the first (defaults,
ServiceAccount token volume, tolerations, priority, validation) is the same for the next, and sharing the result saves both time and
memory. Invariant: an entry is only good as long as nothing of `LOOKED_AT` was written; then all are forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import msgspec

from wherry.api.objects import Obj
from wherry.rules.writing.managed_fields import entries
from wherry.store.protocol import Record, Store

#: how many templates are remembered
REMEMBERED = 1024
#: and how many of them on how many nodes
BOUND = 4096
#: what the making of a spec looks at beside the spec itself
LOOKED_AT = frozenset({
    "serviceaccounts", "priorityclasses.scheduling.k8s.io", "limitranges", "namespaces", "runtimeclasses.node.k8s.io",
})  # fmt: skip
_encode = msgspec.json.Encoder().encode
_Key = tuple[int, str, str, bytes, bytes]


class Made(NamedTuple):
    """What became of a pod: the spec to share, its qosClass, and the fields its maker owns (FieldsV1)."""

    spec: Obj
    qos_class: str
    fields: Obj


class PodSpecs:
    def __init__(self) -> None:
        self._made: OrderedDict[_Key, Made] = OrderedDict()
        #: grows with every write of what is looked at: what was begun before one is remembered under a key that nobody asks for again
        self._era = 0
        #: the entry in managedFields that was made last
        self._owner: Obj = {}
        #: by the identity of a spec, and a node: that spec, and what it is there
        self._bound: OrderedDict[tuple[int, str], tuple[Obj, Obj]] = OrderedDict()

    def key(self, namespace: str, manager: str, pod: Obj) -> _Key:
        """Pods with equal keys become alike in everything but their name."""
        rest = {k: v for k, v in pod["metadata"].items() if k not in ("name", "namespace", "uid")}
        return self._era, namespace, manager, _encode(pod["spec"]), _encode(rest)

    def get(self, key: _Key) -> Made | None:
        found = self._made.get(key)
        if found is not None:
            self._made.move_to_end(key)
        return found

    def put(self, key: _Key, pod: Obj) -> None:
        """Remember what a stored pod became; nothing when its fields have other owners already."""
        entries = pod["metadata"].get("managedFields") or []
        if len(entries) != 1:
            return
        self._made[key] = Made(pod["spec"], pod["status"].get("qosClass", ""), entries[0]["fieldsV1"])
        if len(self._made) > REMEMBERED:
            self._made.popitem(last=False)

    def owner(self, manager: str, time: str, fields: Obj) -> Obj:
        """The one entry in managedFields of a new pod, made at `time` (RFC 3339); shared by those of one make and second."""
        last = self._owner
        if last.get("fieldsV1") is not fields or last["time"] != time or last["manager"] != manager:
            last = self._owner = entries.make((manager, "Update", "v1", ""), "v1", fields, time)
        return last

    def bound(self, spec: Obj, node: str) -> Obj:
        """The spec on that node; shared by the pods there that shared it before."""
        at = id(spec), node
        found = self._bound.get(at)
        if found is None or found[0] is not spec:
            found = self._bound[at] = spec, {**spec, "nodeName": node}
            if len(self._bound) > BOUND:
                self._bound.popitem(last=False)
        return found[1]

    def follow(self, store: Store) -> None:
        """Hear of every write that may change what a spec becomes."""
        for table in LOOKED_AT:
            store.follow(table, self._looked_at_changed)

    def _looked_at_changed(self, record: Record) -> None:
        self._made.clear()
        self._era += 1
