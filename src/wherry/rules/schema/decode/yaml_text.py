"""YAML bodies as JSON values, read as the reference reads them: converted to JSON before they are decoded.

Called by `reader`. Turns the first document of a text into a JSON value with sorted keys, and lists keys that stand twice. Invariants:
dates stay texts, `yes`, `on` and `y` are booleans, keys become strings, integral floats integers; aliases cannot blow a small text up
(the reference's ratio rule), and nesting is bounded.
Source: sigs.k8s.io/yaml; go.yaml.in/yaml/v2 (resolve.go, decode.go), https://yaml.org/type/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from wherry.api import field
from wherry.rules.schema.decode.depth import MAX_DEPTH
from wherry.rules.schema.decode.yaml_scalar import MERGE, key_text, scalar

_TOO_DEEP = f"yaml: exceeded max depth of {MAX_DEPTH}"


class YamlFault(ValueError):
    """The text is no YAML that has a JSON form; str() is the reference's message."""


def read(content: bytes) -> tuple[Any, list[str]]:
    """The value of the first document, and `line 4: key "a" already set in map` for every key that stands twice."""
    builder = _Builder()
    try:
        for event in yaml.parse(content.decode(), Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.DocumentEndEvent):
                break
            builder.take(event)
    except UnicodeDecodeError:
        raise YamlFault("yaml: invalid leading UTF-8 octet") from None
    except yaml.MarkedYAMLError as fault:
        raise YamlFault(_message(fault)) from None
    except yaml.YAMLError as fault:
        raise YamlFault(f"yaml: {getattr(fault, 'reason', fault)}") from None
    return builder.result, builder.duplicates


def _message(fault: yaml.MarkedYAMLError) -> str:
    if (fault.context or "").startswith("while increasing "):  # the scanner's own limit; PyYAML has one since 6.0.4
        return _TOO_DEEP
    line = fault.problem_mark.line if fault.problem_mark else 0
    if line and isinstance(fault, yaml.scanner.ScannerError):
        line += 1
    elif not line and fault.context_mark:
        line = fault.context_mark.line
    where = f"line {line}: " if line else ""
    return f"yaml: {where}{fault.problem or 'unknown problem parsing YAML content'}"


class _Frame:
    """A list or map that is being read."""

    __slots__ = ("anchor", "key", "merged", "size", "value")

    def __init__(self, value: list[Any] | dict[str, Any], anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key: Any = None
        self.merged: list[Any] = []
        self.size = 1


_NO_KEY = object()


class _Builder:
    """Builds a value from parser events."""

    def __init__(self) -> None:
        self.result: Any = None
        self.duplicates: list[str] = []
        self._open: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._count = 0
        self._from_aliases = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._count += 1
            self._put(self._scalar(event), event, 1, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._start(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._end(event)

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        try:
            return scalar(event.tag, event.value, plain=event.implicit[0])
        except ValueError as fault:
            raise YamlFault(f"yaml: {fault}") from None

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH:
            raise YamlFault(_TOO_DEEP)
        frame = _Frame({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor)
        frame.key = _NO_KEY
        self._open.append(frame)
        if event.anchor:
            self._anchors[event.anchor] = None

    def _end(self, event: yaml.Event) -> None:
        frame = self._open.pop()
        value = frame.value
        if isinstance(value, dict):
            for source in frame.merged:
                for key, item in source.items():
                    value.setdefault(key, item)
            value = dict(sorted(value.items()))
        self._put(value, event, frame.size, frame.anchor)

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor
        if name not in self._anchors:
            raise YamlFault(f"yaml: unknown anchor '{name}' referenced")
        found = self._anchors[name]
        if found is None:
            raise YamlFault(f"yaml: anchor '{name}' value contains itself")
        value, size = found
        self._count += size + 1
        self._from_aliases += size
        if self._from_aliases > 100 and self._count > 1000 and self._from_aliases / self._count > _allowed_ratio(self._count):
            raise YamlFault("yaml: document contains excessive aliasing")
        self._put(_copy(value), event, size + 1, None)

    def _put(self, value: Any, event: yaml.Event, size: int, anchor: str | None) -> None:
        """A complete value: the document's, an element, a key, or the value of a key."""
        if anchor:
            self._anchors[anchor] = value, size
        if not self._open:
            self.result = _json(value)
            return
        frame = self._open[-1]
        frame.size += size
        if isinstance(frame.value, list):
            frame.value.append(_json(value))
        elif frame.key is _NO_KEY:
            frame.key = value
        else:
            key, frame.key = frame.key, _NO_KEY
            self._pair(frame, frame.value, key, _json(value), event)

    def _pair(self, frame: _Frame, target: dict[str, Any], key: Any, value: Any, event: yaml.Event) -> None:
        if key is MERGE:
            frame.merged.extend(_sources(value))
            return
        try:
            text = key_text(key)
        except ValueError as fault:
            raise YamlFault(str(fault)) from None
        if text in target:
            shown = field.show(text) if isinstance(key, str) else text
            line = event.start_mark.line + 1 if event.start_mark else 0
            self.duplicates.append(f"line {line}: key {shown} already set in map")
        target[text] = value


def _sources(value: Any) -> Iterator[dict[str, Any]]:
    """The maps that a merge key brings in; an earlier one wins."""
    for source in value if isinstance(value, list) else [value]:
        if not isinstance(source, dict):
            raise YamlFault("yaml: map merge requires map or sequence of maps as the value")
        yield source


def _json(value: Any) -> Any:
    return "<<" if value is MERGE else value


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _allowed_ratio(count: int) -> float:
    """How much of a document may come from aliases: most of a small one, little of a big one."""
    low, high = 400_000, 4_000_000
    if count <= low:
        return 0.99
    return 0.10 if count >= high else 0.99 - 0.89 * (count - low) / (high - low)
