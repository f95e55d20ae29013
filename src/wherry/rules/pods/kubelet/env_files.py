"""Files of variables in a pod's volumes: `NAME='value'` a line, values over several lines, comments. Pure.

Called by `environment` for `fileKeyRef`. Source: KEP-3721; pkg/kubelet/util/env (the part of POSIX shell that is taken).
"""

from __future__ import annotations


def value(text: str, key: str) -> str:
    """Of the first variable of that name, "" when there is none. Raises ValueError at the first line before it that is none."""
    lines = iter(enumerate(text.splitlines(), 1))
    for number, raw in lines:
        line = raw.lstrip(" \t")
        if not line or line.startswith("#"):
            continue
        name, equals, rest = line.partition("=")
        if not equals or not name or name != name.rstrip(" \t"):
            raise ValueError(f"line {number}: a variable is NAME='value'")
        if not rest or rest[0] in " \t":  # as in a shell: the value is empty
            if name == key:
                return ""
            if not rest:
                raise ValueError(f"line {number}: a value stands in single quotes")
            continue
        if rest[0] != "'":
            raise ValueError(f"line {number}: a value stands in single quotes")
        found, rest = "", rest[1:]
        while "'" not in rest:
            found += f"{rest}\n"
            following = next(lines, None)
            if following is None:
                raise ValueError(f"line {number}: the quote has no end")
            rest = following[1]
        last, _, behind = rest.partition("'")
        if behind.lstrip(" \t") and not behind.lstrip(" \t").startswith("#"):
            raise ValueError(f"line {number}: there is something behind the value")
        if name == key:
            return found + last
    return ""
