"""The 409 of server-side apply: which fields other managers own, with their names.

Called by `apply`. Source: k8s.io/apimachinery/pkg/util/managedfields/internal/conflict.go.
"""

from __future__ import annotations

import msgspec

from wherry.api.errors import Cause, Conflict
from wherry.rules.writing.managed_fields import elements
from wherry.rules.writing.managed_fields.entries import Identity, identity_text
from wherry.rules.writing.managed_fields.sets import Set, paths

#: who owns what the applier would change
Conflicts = dict[Identity, Set]


def _name(who: Identity) -> str:
    manager, operation, version, subresource = who
    text = msgspec.json.encode(manager).decode()
    if subresource:
        text += f" with subresource {msgspec.json.encode(subresource).decode()}"
    return f"{text} using {version}" if operation == "Update" else text


def _fields(tree: Set) -> list[str]:
    return ["".join(map(elements.text, path)) for path in paths(tree)]


def error(conflicts: Conflicts) -> Conflict:
    """The Conflict with its causes, managers in the order of their identities."""
    found = [(_name(who), _fields(conflicts[who])) for who in sorted(conflicts, key=identity_text)]
    causes = [Cause("FieldManagerConflict", f"conflict with {name}", field) for name, fields in found for field in fields]
    if len(causes) == 1:
        message = f"Apply failed with 1 conflict: conflict with {found[0][0]}: {causes[0].field}"
    else:
        lines = [line for name, fields in found for line in (f"conflicts with {name}:", *(f"- {field}" for field in fields))]
        message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return Conflict(message, {"causes": [cause.to_json() for cause in causes]})
