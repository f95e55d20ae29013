"""Files, directories, URLs, stdin and kustomizations to objects, with where each came from.

Called by `gather` and `apply`. A stream may hold several YAML documents or JSON values; lists are taken apart later.
Source: cli-runtime pkg/resource (builder.go FilenameParam, visitor.go StreamVisitor).
"""

from __future__ import annotations

import glob
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wherry.api.objects import Obj
from wherry.cli.kube.errors import CommandError

EXTENSIONS = (".json", ".yaml", ".yml")
STDIN = "STDIN"
_SEPARATOR = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Files:
    """The flags -f, -k and -R. Raises CommandError when they do not go together."""

    names: tuple[str, ...] = ()
    kustomize: str = ""
    recursive: bool = False

    def __bool__(self) -> bool:
        return bool(self.names or self.kustomize)

    def check(self) -> None:
        if self.names and self.kustomize:
            raise CommandError("only one of -f or -k can be specified")
        if self.kustomize and self.recursive:
            raise CommandError("the -k flag can't be used with -f or -R")


@dataclass(frozen=True, slots=True)
class Source:
    """One stream: its name in messages and its text."""

    name: str
    text: str


def sources(files: Files) -> Iterator[Source]:
    """Every stream, in the order given. Raises CommandError."""
    for name in files.names:
        if name == "-":
            yield Source(STDIN, sys.stdin.read())
        elif name.startswith(("http://", "https://")):
            yield Source(name, _download(name))
        else:
            for path in _paths(name, files.recursive):
                yield Source(path, _text(path))
    if files.kustomize:
        from wherry.cli.kube.kustomize import build

        yield Source(files.kustomize, build(Path(files.kustomize)))


def is_single(files: Files) -> bool:
    """One plain file: its object is printed by itself, not in a list."""
    return len(files.names) == 1 and not files.recursive and files.names[0] != "-" and os.path.isfile(files.names[0])


def _paths(name: str, recursive: bool) -> list[str]:
    if not os.path.exists(name):
        found = sorted(glob.glob(name)) if _PATTERN.search(name) else []
        if not found:
            raise CommandError(f'the path "{name}" does not exist')
        return [path for match in found for path in _paths(match, recursive)]
    if not os.path.isdir(name):
        return [name]
    walked = []
    for directory, below, files in os.walk(name):
        below[:] = sorted(below) if recursive else []
        walked += [os.path.join(directory, file) for file in sorted(files) if file.endswith(EXTENSIONS)]
    if not walked:
        raise CommandError(f"error reading [{name}]: recognized file extensions are [{' '.join(EXTENSIONS)}]")
    return walked


def _text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise CommandError(f"open {path}: {(error.strerror or '').lower()}") from None


def _download(url: str) -> str:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            body: bytes = answer.read()
            return body.decode()
    except urllib.error.HTTPError as error:
        raise CommandError(f"unable to read URL \"{url}\", server reported {error.code} {error.reason}, status code={error.code}") from None
    except OSError as error:
        raise CommandError(f'Get "{url}": {error}') from None


def documents(source: Source) -> Iterator[Any]:
    """The values of a stream; empty documents are left out. Raises CommandError for a text that is neither YAML nor JSON."""
    if source.text.lstrip().startswith("{") and _is_json(source.text):
        yield from _json(source)
        return
    from wherry.rules.schema.decode.yaml_text import YamlFault, read

    for part in _SEPARATOR.split(source.text):
        try:
            value, _ = read(part.encode())
        except YamlFault as fault:
            raise CommandError(f"error parsing {source.name}: error converting YAML to JSON: {fault}") from None
        if value is not None:
            yield value


def _is_json(text: str) -> bool:
    """The first value is JSON; a YAML flow mapping begins like it."""
    try:
        json.JSONDecoder().raw_decode(text.lstrip())
    except ValueError:
        return False
    return True


def _json(source: Source) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    text = source.text
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at >= len(text):
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError as error:
            raise CommandError(f"error parsing {source.name}: {error}") from None
        if value is not None:
            yield value


def flattened(value: Obj) -> Iterator[Obj]:
    """The objects of a List, however deep; anything else is itself."""
    if isinstance(value.get("items"), list) and str(value.get("kind", "")).endswith("List"):
        kind = str(value["kind"]).removesuffix("List")
        for item in value["items"]:
            named = {"apiVersion": value.get("apiVersion", ""), "kind": kind, **item} if kind else item
            yield from flattened(named)
    else:
        yield value
