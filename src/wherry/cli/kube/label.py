"""`label`: sets and removes labels.

Source: kubectl pkg/cmd/label/label.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.annotate import _COMMON, _USAGE
from wherry.cli.kube.command import KubeCommand
from wherry.cli.kube.options import manager

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.session import Kube


async def _run(kube: Kube, given: Given) -> None:
    from wherry.cli.kube import pairs
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.metadata import Edit, run

    words, changed = pairs.split(given.arguments, "label")
    values, removed = _parsed(changed)
    if given["all"] and given["selector"]:
        raise CommandError("cannot set --all and --selector at the same time")
    if given["all"] and given["field-selector"]:
        raise CommandError("cannot set --all and --field-selector at the same time")
    if not words and not given["filename"] and not given["kustomize"]:
        raise CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not values and not removed and not given["list"]:
        raise CommandError("at least one label update is required")
    await run(kube, words, Edit("labels", values, removed, _check_overwrite), _done)


def _parsed(words: list[str]) -> tuple[dict[str, str], list[str]]:
    from wherry.cli.kube.errors import CommandError
    from wherry.rules.objects.names import label_value

    values: dict[str, str] = {}
    removed: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            if "=" in value:
                raise CommandError(f"invalid label spec: {word}")
            if problems := list(label_value(value)):
                raise CommandError(f'invalid label value: "{word}": {";".join(problems)}')
            values[key] = value
        else:
            removed.append(word[:-1])
    if any(key in values for key in removed):
        raise CommandError("can not both modify and remove a label in the same command")
    return values, removed


def _check_overwrite(current: Obj, values: dict[str, str]) -> None:
    from wherry.cli.kube.errors import CommandError, collected

    collected([CommandError(f"'{k}' already has a value ({current[k]}), and --overwrite is false")
               for k, v in values.items() if k in current and current[k] != v])


def _done(added: bool, removed: bool) -> str:
    if added and removed:
        return "modified"
    return "labeled" if added else "unlabeled" if removed else "not labeled"


label = KubeCommand("label", _run, (*_COMMON, manager("kubectl-label")), usage=_USAGE, summary="Set or remove labels of objects.")
