"""`$(NAME)` in commands, arguments and variables: replaced by the variable's value; `$$` is a dollar sign, and what is unknown stays.

Called by `environment` and by whoever makes a container's command line.
Source of the rule: third_party/forked/golang/expansion; https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:\$|\((.*?)\))", re.DOTALL)


def expand(text: str, *variables: Mapping[str, str]) -> str:
    """The first mapping that knows a name gives its value."""
    return _REFERENCE.sub(lambda match: _value(match, variables), text) if "$" in text else text


def _value(match: re.Match[str], variables: tuple[Mapping[str, str], ...]) -> str:
    name = match[1]
    if name is None:
        return "$"
    return next((known[name] for known in variables if name in known), match[0])


def missing(text: str, *variables: Mapping[str, str]) -> list[str]:
    """The names that no mapping knows."""
    names = [match[1] for match in _REFERENCE.finditer(text) if match[1] is not None]
    return [name for name in names if not any(name in known for known in variables)]
