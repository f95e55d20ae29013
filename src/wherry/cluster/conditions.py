"""What `cluster.wait_for` waits for, in the words of `kubectl wait --for`: create, delete, condition=NAME[=VALUE], jsonpath=PATH[=VALUE].

Besides: "ready", "available", "complete" and other names of conditions alone, and any function of the object.
Source: kubectl pkg/cmd/wait (wait.go conditionFuncsFor, condition.go, json.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wherry.api.objects import Obj
from wherry.rules.texts import jsonpath

#: says whether an object, or None where there is none, meets it
Met = Callable[[Obj | None], Any]
Condition = str | Callable[[Obj], Any]


def parse(condition: Condition) -> Met:
    """Raises ValueError."""
    if callable(condition):
        return lambda obj: obj is not None and condition(obj)
    kind, _, rest = condition.partition("=")
    if condition.lower() == "delete":
        return lambda obj: obj is None
    if condition.lower() == "create":
        return lambda obj: obj is not None
    if kind == "condition":
        name, _, value = rest.partition("=")
        return lambda obj: obj is not None and _has(obj, name, value or "true")
    if kind == "jsonpath":
        return _of_path(rest)
    if condition.isalpha():
        return lambda obj: obj is not None and _has(obj, condition, "true")
    raise ValueError(f"unrecognized condition: {condition!r}; write create, delete, condition=NAME[=VALUE] or jsonpath=PATH[=VALUE]")


def _has(obj: Obj, name: str, status: str) -> bool:
    """The condition of that type has that status, and is about the object as it is now."""
    known = obj.get("status") or {}
    for condition in known.get("conditions") or ():
        if condition["type"].casefold() == name.casefold():
            generation, observed = obj["metadata"].get("generation"), condition.get("observedGeneration", known.get("observedGeneration"))
            if generation is not None and observed is not None and observed < generation:
                return False
            return str(condition["status"]).casefold() == status.casefold()
    return False


def _of_path(text: str) -> Met:
    path, value = _split(text.strip("'\""))
    try:
        template = jsonpath.relaxed(path)
        jsonpath.parse(template)
    except jsonpath.JsonPathError as error:
        raise ValueError(f"{text!r} is no JSONPath: {error}") from None

    def met(obj: Obj | None) -> bool:
        if obj is None:
            return False
        found = [item for part in jsonpath.find(template, obj) for item in part]
        if value is None:
            return bool(found)
        return len(found) == 1 and jsonpath.render(template, obj).strip() == value

    return met


def _split(text: str) -> tuple[str, str | None]:
    """At the last single equal sign outside braces; a double one belongs to the path."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if sign == "=" and depth == 0 and "=" not in (text[at - 1 : at], text[at + 1 : at + 2]):
            return text[:at].strip("'\""), text[at + 1 :].strip("'\"").strip()
    return text, None
