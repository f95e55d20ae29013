"""Command lines to values, with the habits of kubectl's own parser: pure.

Called by `command` for every command here. Flags and arguments mix; `--flag=value`, `--flag value`, `-fvalue`, `-f=value` and `-abc` all
work; a boolean takes a value only after `=`; `--` ends flags. What is given is also kept in order, because --record writes it down.
Source: github.com/spf13/pflag (flag.go); error texts are its.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["string", "bool", "int", "duration", "strings", "array"]
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([a-zµμ]*)")
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


class FlagError(Exception):
    """The command line is wrong."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `bare`: the value without `=value` (for flags that may stand alone); `strings` splits at commas, `array` does not."""

    name: str
    help: str = ""
    short: str = ""
    kind: Kind = "string"
    default: Any = None
    bare: str = ""
    required: bool = False
    hidden: bool = False
    deprecated: str = ""

    @property
    def initial(self) -> Any:
        if self.default is not None:
            return self.default
        return {"string": "", "bool": False, "int": 0, "duration": 0.0}.get(self.kind, ())

    @property
    def alone(self) -> str:
        """The value of the flag without a value; "": it needs one."""
        return "true" if self.kind == "bool" else self.bare


@dataclass(slots=True)
class Given:
    """What stood on a command line. Flags are read by name: `given["dry-run"]`."""

    values: dict[str, Any]
    arguments: list[str] = field(default_factory=list)
    #: every flag that was given, in order, with its text
    order: list[tuple[str, str]] = field(default_factory=list)
    #: arguments after `--`
    after_dash: int | None = None

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    def said(self, name: str) -> bool:
        return any(flag == name for flag, _ in self.order)


def parse(words: Iterable[str], flags: Iterable[Flag]) -> Given:
    """Raises FlagError."""
    table = {flag.name: flag for flag in flags}
    given = _scan(list(words), table, {flag.short: flag for flag in table.values() if flag.short})
    listed: dict[str, tuple[str, ...]] = {}
    for name, text in given.order:
        value = _converted(table[name], text)
        if table[name].kind in ("strings", "array"):
            value = listed[name] = (*listed.get(name, ()), *value)
        given.values[name] = value
    missing = [name for name, flag in table.items() if flag.required and not given.said(name)]
    if missing:
        raise FlagError("required flag(s) " + ", ".join(f'"{name}"' for name in sorted(missing)) + " not set")
    return given


def _scan(words: list[str], table: dict[str, Flag], shorts: dict[str, Flag]) -> Given:
    given = Given({name: flag.initial for name, flag in table.items()})
    while words:
        word = words.pop(0)
        if word == "--":
            given.after_dash = len(given.arguments)
            given.arguments += words
            break
        if word.startswith("--"):
            name, equals, text = word[2:].partition("=")
            flag = table.get(name.replace("_", "-"))
            if flag is None:
                raise FlagError(f"unknown flag: --{name}" if name else f"bad flag syntax: {word}")
            given.order.append((flag.name, text if equals else flag.alone or _next(words, f"--{name}")))
        elif word.startswith("-") and word != "-":
            _scan_short(word, words, shorts, given)
        else:
            given.arguments.append(word)
    return given


def _scan_short(word: str, words: list[str], shorts: dict[str, Flag], given: Given) -> None:
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        flag = shorts.get(letter)
        if flag is None:
            raise FlagError(f"unknown shorthand flag: '{letter}' in {word}")
        if rest.startswith("="):
            given.order.append((flag.name, rest[1:]))
            return
        if flag.alone:
            given.order.append((flag.name, flag.alone))
            continue
        given.order.append((flag.name, rest or _next(words, f"'{letter}' in {word}")))
        return


def _next(words: list[str], shown: str) -> str:
    if not words:
        raise FlagError(f"flag needs an argument: {shown}")
    return words.pop(0)


def _converted(flag: Flag, text: str) -> Any:
    readers: dict[str, Callable[[str], Any]] = {"bool": _bool, "int": _int, "duration": duration, "strings": _strings}
    try:
        if flag.kind == "array":
            return (text,)
        return readers[flag.kind](text) if flag.kind in readers else text
    except ValueError as error:
        shown = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
        raise FlagError(f'invalid argument "{text}" for "{shown}" flag: {error}') from None


def _bool(text: str) -> bool:
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def _int(text: str) -> int:
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')


def _strings(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def duration(text: str) -> float:
    """Seconds of `1h2m3.5s`. Raises ValueError as Go's time package."""
    rest = text.lstrip("+-") if text[:1] in "+-" else text
    sign = -1.0 if text.startswith("-") else 1.0
    if rest == "0":
        return 0.0
    total, at = 0.0, 0
    for found in _DURATION_PART.finditer(rest):
        if found.start() != at:
            break
        number, unit = found.groups()
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += float(number) * _UNITS[unit]
        at = found.end()
    if not at or at != len(rest):
        raise ValueError(f'time: invalid duration "{text}"')
    return sign * total


def record(program: str, path: Iterable[str], given: Given, classified: Iterable[str] = ("token", "password", "username")) -> str:
    """The command as --record writes it down: the words, then every flag by its long name."""
    hidden = set(classified)
    flags = "".join(f" --{name}={'CLASSIFIED' if name in hidden else text}" for name, text in given.order)
    return " ".join([program, *path, *given.arguments]) + flags
