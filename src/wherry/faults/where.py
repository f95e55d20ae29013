"""Which pods a fault strikes: "web-*", "team/web-*" (globs of namespace and name), or a label selector ("app=web", "tier in (a,b)").

Used by `faults.pods`. Raises ValueError for a selector that is none, as `rules.selectors` does.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from wherry.api.objects import Obj, labels, name, namespace
from wherry.rules.objects import selectors

Matches = Callable[[Obj], bool]
_SELECTOR_SIGNS = ("=", " in ", " notin ", "!")


def pods(text: str) -> Matches:
    """What tells whether a pod is meant."""
    if any(sign in text for sign in _SELECTOR_SIGNS):
        selector = selectors.parse(text)
        return lambda pod: selector.matches(labels(pod))
    space, slash, glob = text.rpartition("/")
    return lambda pod: fnmatchcase(name(pod), glob) and (not slash or fnmatchcase(namespace(pod), space))


def glob(pattern: str, text: str) -> bool:
    """An empty pattern matches everything."""
    return not pattern or fnmatchcase(text, pattern)
