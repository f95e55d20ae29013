"""What `wait --for` can wait for, as a value that says whether an object meets it.

Source: kubectl pkg/cmd/wait (wait.go conditionFuncsFor, condition.go, json.go).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wherry.api.errors import NotFound
from wherry.api.objects import Obj
from wherry.cli.kube.errors import CommandError
from wherry.cli.kube.text.values import plain
from wherry.rules.texts import jsonpath
from wherry.rules.texts.jsonpath import JsonPathError
from wherry.rules.texts.jsonpath import parse as parse_path

if TYPE_CHECKING:
    from wherry.cli.kube.gather import Info
    from wherry.client.protocol import Client

_SINGLE = "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'"


@dataclass(frozen=True, slots=True)
class Condition:
    """`met` says whether an object that is there meets it; "delete" is met when it is not."""

    kind: Literal["create", "delete", "object"]
    met: Callable[[Obj], bool]

    async def met_now(self, client: Client, info: Info) -> bool:
        """One look at the server."""
        try:
            obj = await client.get(info.resource, info.namespace, info.name)
        except NotFound:
            if self.kind == "delete":
                return True
            raise
        return self.kind != "delete" and self.met(obj)


def parse(text: str) -> Condition:
    """Raises CommandError."""
    if text.lower() == "delete":
        return Condition("delete", lambda obj: False)
    if text.lower() == "create":
        return Condition("create", lambda obj: True)
    if text.startswith("condition="):
        name, _, status = text.removeprefix("condition=").partition("=")
        return Condition("object", lambda obj: _has(obj, name, status or "true"))
    if text.startswith("jsonpath="):
        return _of_path(text.removeprefix("jsonpath="))
    raise CommandError(f'unrecognized condition: "{text}"')


def _has(obj: Obj, name: str, status: str) -> bool:
    """The first condition of that type has that status, and is about the object as it is now."""
    known = obj.get("status") or {}
    for condition in known.get("conditions") or ():
        if str(condition.get("type", "")).casefold() != name.casefold() or "status" not in condition:
            continue
        generation = obj["metadata"].get("generation")
        observed = condition.get("observedGeneration", known.get("observedGeneration"))
        if generation is not None and observed is not None and observed < generation:
            return False
        return str(condition["status"]).casefold() == status.casefold()
    return False


def _of_path(text: str) -> Condition:
    parts = split(text)
    if len(parts) > 2:
        raise CommandError(_SINGLE)
    try:
        path = jsonpath.relaxed(parts[0])
        if not path:
            raise CommandError("jsonpath expression cannot be empty")
        parse_path(path)
    except JsonPathError as error:
        raise CommandError(str(error)) from None
    wanted = parts[1].strip("'\"") if len(parts) == 2 else None
    if wanted == "":
        raise CommandError("jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3")
    return Condition("object", lambda obj: _matches(obj, path, wanted))


def split(text: str) -> list[str]:
    """At single equal signs; a double one belongs to the expression."""
    parts, at = [""], 0
    while at < len(text):
        if text[at] != "=":
            parts[-1] += text[at]
            at += 1
        elif text[at + 1 : at + 2] == "=":
            parts[-1] += "=="
            at += 2
        else:
            parts.append("")
            at += 1
    return parts


def _matches(obj: Obj, path: str, wanted: str | None) -> bool:
    try:
        found = jsonpath.find(path, obj)
    except JsonPathError as error:
        raise CommandError(str(error)) from None
    if not found or not found[0]:
        return False
    if len(found) > 1:
        raise CommandError("given jsonpath expression matches more than one list")
    if len(found[0]) > 1:
        raise CommandError("given jsonpath expression matches more than one value")
    if wanted is None:
        return True
    if isinstance(found[0][0], dict | list):
        raise CommandError("jsonpath leads to a nested object or list which is not supported")
    return plain(found[0][0]).strip() == wanted.strip()
