"""Commands whose end is plain to see: `false`, `sh -c "sleep 3; exit 1"`, `sleep 5`, `echo hi`.

Called by the simulation of containers, in which no program runs: what such a command does is known without running it. Everything else
(servers, scripts, pipes) is not judged; a loop without an end has none. Invariant: only what any POSIX shell would do is said.
Source of the rule: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html (exit status, lists, the option -e).
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple


class Outcome(NamedTuple):
    """It ends by itself after so many seconds (infinite: never) with that exit code."""

    seconds: float
    exit_code: int


_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_QUIET = frozenset({"true", ":", "echo", "printf", "date", "pwd", "hostname", "uname", "whoami", "id", "env"})
_SEPARATORS = frozenset({";", "&&", "||"})
_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TRAP = re.compile(r"""\btrap\s+(?:"[^"]*"|'[^']*'|\S+)(?:\s+[A-Z0-9]+)+\s*;?""")
_ENDLESS = re.compile(r"(?:^|;|\n)\s*(?:while\s+(?:true|:)|until\s+false)\s*(?:;|\n)\s*do\b")
_WAY_OUT = re.compile(r"\b(?:break|exit|return|exec|kill)\b")
_ABROAD = re.compile(r"\s*(?:[12]?>&[12]|[12]?>{1,2}\s*(?:/dev/null|/dev/stderr|/dev/stdout))")
_PATHS = ("", "/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin")


def outcome(argv: Sequence[str]) -> Outcome | None:
    """None: it cannot be told."""
    return _outcome(tuple(argv))


@lru_cache(maxsize=1024)
def _outcome(argv: tuple[str, ...]) -> Outcome | None:
    if not argv:
        return None
    program = _program(argv[0])
    if program in _SHELLS:
        return _shell(argv[1:])
    found = _simple([program, *argv[1:]], 0)
    return found if found is not None and program not in ("exit", ":") else None


def _program(path: str) -> str:
    """Its name, if it is where such programs are."""
    folder, _, name = path.rpartition("/")
    return name if folder in _PATHS else path


def _shell(arguments: tuple[str, ...]) -> Outcome | None:
    """Of `-c TEXT` with at most the options e, x, u and l."""
    stop = False
    for at, argument in enumerate(arguments):
        if not re.fullmatch(r"-[exulc]+", argument):
            return None
        stop = stop or "e" in argument
        if "c" in argument:
            text = arguments[at + 1] if len(arguments) > at + 1 else ""
            return _text(text, stop)
    return None


def _text(text: str, stop: bool) -> Outcome | None:
    text = _ABROAD.sub("", _TRAP.sub("", text))
    endless = _ENDLESS.search(text)
    if endless is not None:
        # what comes before has to be plain, and nothing in the loop may leave it
        before = _words(text[: endless.start()])
        plain = before is not None and (not before or _list(before, stop) is not None)
        return Outcome(math.inf, 0) if plain and not _WAY_OUT.search(text) else None
    words = _words(text)
    return None if words is None else _list(words, stop)


def _words(text: str) -> list[str] | None:
    """Words and separators; None where the text has more than plain words."""
    try:
        lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars=";&|<>()")
        lexer.whitespace_split = True
        lexer.commenters = ""
        words = list(lexer)
    except ValueError:
        return None
    return None if any(set(word) & set("`*?[{}#~") or "$(" in word for word in words) else words


def _list(words: list[str], stop: bool) -> Outcome | None:
    """Commands one after the other; `stop`: the first that fails ends it, unless it is asked about."""
    seconds, status, joined = 0.0, 0, ";"
    commands = _commands(words)
    if commands is None:
        return None
    for at, (command, separator) in enumerate(commands):
        skip = (joined == "&&" and status != 0) or (joined == "||" and status == 0)
        joined = separator
        if skip:
            continue
        if command[0] == "set" and command[1:] in (["-e"], ["+e"]):
            stop, status = command[1] == "-e", 0
            continue
        found = _simple(command, status)
        if found is None:
            return None
        seconds, status = seconds + found.seconds, found.exit_code
        if command[0] in ("exit", "exec") or math.isinf(seconds):
            return Outcome(seconds, status)
        if stop and status and separator == ";":
            return Outcome(seconds, status)
        if at == len(commands) - 1:
            break
    return Outcome(seconds, status)


def _commands(words: list[str]) -> list[tuple[list[str], str]] | None:
    """Each with what follows it."""
    listed: list[tuple[list[str], str]] = []
    command: list[str] = []
    for word in [*words, ";"]:
        if word in _SEPARATORS:
            if command:
                listed.append((command, word))
                command = []
            elif word != ";":
                return None
        elif set(word) <= set(";&|<>()"):
            return None
        else:
            command.append(word)
    return listed or None


def _simple(command: list[str], status: int) -> Outcome | None:
    """One command without anything around it. `status`: of the command before."""
    program, arguments = _program(command[0]), command[1:]
    if program not in ("echo", "printf") and any("$" in word for word in command):
        return None
    if program == "exec" and arguments:
        return _simple(arguments, status)
    if program == "exit":
        if not arguments:
            return Outcome(0.0, status)
        return Outcome(0.0, int(arguments[0]) & 255) if len(arguments) == 1 and arguments[0].isdigit() else None
    if program == "false":
        return Outcome(0.0, 1)
    if program == "sleep":
        return _sleep(arguments)
    if program == "tail" and arguments and arguments[0] in ("-f", "-F"):
        return Outcome(math.inf, 0)
    return Outcome(0.0, 0) if program in _QUIET and (program not in ("env", "date", "id", "hostname", "uname") or not arguments) else None


def _sleep(arguments: list[str]) -> Outcome | None:
    total = 0.0
    for argument in arguments:
        found = _NUMBER.fullmatch(argument)
        if found is None and argument not in ("inf", "infinity"):
            return None
        total += float(found[1]) * _UNITS[found[2]] if found is not None else math.inf
    return Outcome(total, 0) if arguments else None
