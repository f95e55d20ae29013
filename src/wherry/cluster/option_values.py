"""What a field of `Options` may hold, and how that is checked: pure, used by `Options` itself when one is made.

The description of a field stands beside the field (`described`); the command line, the config file, pytest's ini options and the reference
page (docs/options.md) are all made of it, so no option is described twice. Invariant: a wrong value is refused with those that there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import Any

from wherry.errors import WherryError

#: where `described` keeps a field's description in the dataclass field's metadata
_KEY = "wherry"


class OptionError(WherryError, ValueError, TypeError):
    """A value that an option cannot have, or an option that there is not."""


@dataclass(frozen=True, slots=True)
class Description:
    """`text`: what it does, a sentence. `up`: a flag of `wherry up` too. `human`: the default there, where people watch."""

    text: str
    least: float | None = None
    most: float | None = None
    among: tuple[str, ...] = ()
    up: bool = True
    human: float | None = None


def described(default: Any, text: str, *, least: float | None = None, most: float | None = None, among: Iterable[str] = (),
              up: bool = True, human: float | None = None) -> Any:
    """A field of `Options` with its description."""
    return field(default=default, metadata={_KEY: Description(text, least, most, tuple(among), up, human)})


def description(option: Field[Any]) -> Description:
    """What was told of a field; a field without it has no text, which a test refuses."""
    found = option.metadata.get(_KEY)
    return found if isinstance(found, Description) else Description("")


def base(option: Field[Any]) -> str:
    """The type of a field without its `| None`: int, float, str, bool, Path or tuple[str, ...]."""
    return " | ".join(part for part in str(option.type).split(" | ") if part != "None")


def may_be_none(option: Field[Any]) -> bool:
    return "None" in str(option.type).split(" | ")


def checked(option: Field[Any], value: Any) -> Any:
    """The value as the field holds it: a text becomes a Path, a list a tuple. Raises OptionError."""
    if value is None and may_be_none(option):
        return None
    about = description(option)
    kind = base(option)
    if kind == "bool":
        return _one(option, value, isinstance(value, bool), "True or False")
    if kind in ("int", "float"):
        return _number(option, about, value, kind)
    if kind == "str":
        right = isinstance(value, str) and (not about.among or value in about.among)
        return _one(option, value, right, " or ".join(f'"{one}"' for one in about.among) or "a text")
    if kind == "tuple[str, ...]":
        right = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
        return tuple(_one(option, value, right, "a list of texts"))
    return Path(_one(option, value, isinstance(value, str | Path), "a path"))


def _number(option: Field[Any], about: Description, value: Any, kind: str) -> Any:
    right = isinstance(value, int if kind == "int" else int | float) and not isinstance(value, bool) and math.isfinite(value)
    right = right and (about.least is None or value >= about.least) and (about.most is None or value <= about.most)
    return _one(option, value, right, ("a whole number" if kind == "int" else "a number") + span(about))


def span(about: Description) -> str:
    """` from 0 to 65535`, ` of at least 0`, or nothing."""
    if about.least is None:
        return ""
    return f" from {about.least:g} to {about.most:g}" if about.most is not None else f" of at least {about.least:g}"


def _one(option: Field[Any], value: Any, right: bool, wanted: str) -> Any:
    if right:
        return value
    none = " or None" if may_be_none(option) else ""
    raise OptionError(f"{option.name} must be {wanted}{none}, not {value!r}")


def unknown(names: Iterable[str], known: Iterable[str]) -> OptionError:
    """For names that no option has: the nearest one is guessed, and all are named."""
    import difflib

    there = sorted(known)
    said = []
    for name in sorted(names):
        near = difflib.get_close_matches(name, there, 1)
        said.append(name + (f" (did you mean {near[0]}?)" if near else ""))
    return OptionError(f"unknown option {', '.join(said)}; known are {', '.join(there)}")
