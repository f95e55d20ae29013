"""Arguments of the form KEY=VALUE and KEY- apart from those that name objects. Pure.

Source: kubectl pkg/cmd/util/helpers.go (GetResourcesAndPairs, ParsePairs).
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.cli.kube.errors import CommandError


def split(words: Iterable[str], what: str) -> tuple[list[str], list[str]]:
    """(objects, pairs). Raises CommandError when an object comes after a pair."""
    objects: list[str] = []
    pairs: list[str] = []
    for word in words:
        if _is_pair(word):
            pairs.append(word)
        elif pairs:
            raise CommandError(f"all resources must be specified before {what} changes: {word}")
        else:
            objects.append(word)
    return objects, pairs


def _is_pair(word: str) -> bool:
    return ("=" in word and not word.startswith("=")) or (word.endswith("-") and word != "-")


def parse(words: Iterable[str], what: str, *, removing: bool) -> tuple[dict[str, str], list[str]]:
    """(values by key, keys to remove). Raises CommandError for a word of another form."""
    values: dict[str, str] = {}
    removed: list[str] = []
    wrong: list[str] = []
    for word in words:
        if "=" in word and not word.startswith("="):
            key, _, value = word.partition("=")
            values[key] = value
        elif removing and word.endswith("-") and word != "-":
            removed.append(word[:-1])
        else:
            wrong.append(word)
    if wrong:
        raise CommandError(f"invalid {what} format: {', '.join(wrong)}")
    return values, removed
