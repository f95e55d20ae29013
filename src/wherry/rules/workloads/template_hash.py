"""When two pod templates are one revision, and the hash that names a revision's ReplicaSet.

Called by the Deployment rules (to find the ReplicaSet of the present template, to name a new one) and by whoever compares revisions.
A template is brought to a canonical form first: what says nothing (null, empty lists, zeros of fields whose absence means zero) is
dropped, quantities are written in their shortest way, and the pod-template-hash label is left out. Equal form, equal hash. A zero that
differs from absence (runAsUser: 0, hostUsers: false, namespaceSelector: {}) stays.
Source of the rule: pkg/controller/deployment/util EqualIgnoreHash, pkg/controller ComputeHash; the hash function itself is our own.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import msgspec

from wherry.api import quantity
from wherry.api.objects import Obj

HASH_LABEL = "pod-template-hash"

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, no look-alikes: no hash spells a word
_LENGTH = 10

#: numbers and booleans of a pod template for which absent and zero are the same
_ZERO_IS_ABSENT = frozenset(
    ("containerPort", "failureThreshold", "hostIPC", "hostNetwork", "hostPID", "hostPort", "initialDelaySeconds", "maxSkew", "partition",
     "periodSeconds", "readOnly", "seconds", "stdin", "stdinOnce", "successThreshold", "timeoutSeconds", "tty", "weight",
     "chapAuthDiscovery", "chapAuthSession", "sslEnabled")
)
#: objects for which absent and empty are the same
_EMPTY_IS_ABSENT = frozenset(("metadata", "podAffinityTerm", "preference", "resources"))
#: strings whose empty value means something
_EMPTY_TEXT_COUNTS = frozenset(("hostnameOverride", "storageClassName", "volumeAttributesClassName"))
_QUANTITIES = frozenset(("limits", "overhead", "requests"))
_MAPS = frozenset(("annotations", "data", "labels", "matchLabels", "nodeSelector", "options", "volumeAttributes"))


def _shortest(text: Any) -> Any:
    try:
        return quantity.canonical(text)
    except ValueError:
        return text


def _field(key: str, value: Any) -> Any:
    """The canonical value of a field, None when it says nothing."""
    if key in _MAPS or key in _QUANTITIES:
        if key in _QUANTITIES and isinstance(value, dict):
            value = {k: _shortest(v) for k, v in value.items()}
        return value or None
    value = _canonical(value)
    if value == "" and key not in _EMPTY_TEXT_COUNTS:
        return None
    if (value is False or value == 0) and value != "" and key in _ZERO_IS_ABSENT:
        return None
    return None if value == [] or (value == {} and key in _EMPTY_IS_ABSENT) else value


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: kept for k, v in value.items() if (kept := _field(k, v)) is not None}
    return [_canonical(v) for v in value] if isinstance(value, list) else value


@lru_cache(maxsize=4096)
def _canonical_bytes(encoded: bytes) -> bytes:
    return msgspec.json.encode(_canonical(msgspec.json.decode(encoded)), order="sorted")


def without_hash(template: Obj) -> Obj:
    """The template as the user wrote it: without the label that its ReplicaSet adds."""
    metadata = template.get("metadata") or {}
    labels = metadata.get("labels") or {}
    if HASH_LABEL not in labels:
        return template
    return {**template, "metadata": {**metadata, "labels": {k: v for k, v in labels.items() if k != HASH_LABEL}}}


def canonical(template: Obj) -> bytes:
    """The template's canonical form as bytes: equal bytes, equal revision."""
    return _canonical_bytes(msgspec.json.encode(without_hash(template)))


def same_template(one: Obj, other: Obj) -> bool:
    """True when the two are one revision."""
    one, other = without_hash(one), without_hash(other)
    return one == other or canonical(one) == canonical(other)


def safe(text: str) -> str:
    """A text in letters that spell no word (k8s.io/apimachinery util/rand SafeEncodeString)."""
    return "".join(_ALPHABET[ord(char) % len(_ALPHABET)] for char in text)


def template_hash(template: Obj, collision_count: int | None = None) -> str:
    """A stable name for the template; `collision_count` gives another one when the first is taken by another template."""
    text = canonical(template)
    if collision_count is not None:
        text += b"\n%d" % collision_count
    number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)
