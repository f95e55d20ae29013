"""`annotate`: sets and removes annotations.

Source: kubectl pkg/cmd/annotate/annotate.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.options import (
    ALL,
    ALL_NAMESPACES,
    DRY_RUN,
    FIELD_SELECTOR,
    FILES,
    LIST,
    LOCAL,
    OUTPUT,
    OVERWRITE,
    RECORD,
    RESOURCE_VERSION,
    SELECTOR,
    manager,
)

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.session import Kube

_COMMON = joined((FILES, SELECTOR, FIELD_SELECTOR, ALL, ALL_NAMESPACES, DRY_RUN, LOCAL, LIST, OVERWRITE, RESOURCE_VERSION, RECORD, OUTPUT))
_USAGE = "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]"


async def _run(kube: Kube, given: Given) -> None:
    from wherry.cli.kube import pairs
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.metadata import Edit, run

    words, changed = pairs.split(given.arguments, "annotation")
    values, removed = pairs.parse(changed, "annotation", removing=True)
    both = [key for key in removed if key in values]
    if given["all"] and given["selector"]:
        raise CommandError("cannot set --all and --selector at the same time")
    if given["all"] and given["field-selector"]:
        raise CommandError("cannot set --all and --field-selector at the same time")
    if not values and not removed and not given["list"] and (words or given["filename"] or given["kustomize"]):
        raise CommandError("at least one annotation update is required")
    if both:
        raise CommandError(f"can not both modify and remove the following annotation(s) in the same command: {', '.join(both)}")
    await run(kube, words, Edit("annotations", values, removed, _check_overwrite), lambda added, gone: "annotated")


def _check_overwrite(current: Obj, values: dict[str, str]) -> None:
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.recording import CHANGE_CAUSE

    said = [f"'{k}' already has a value ({current[k]})" for k,
            v in values.items() if k != CHANGE_CAUSE and k in current and current[k] != v]
    if said:
        raise CommandError(f"--overwrite is false but found the following declared annotation(s): {'; '.join(said)}")


annotate = KubeCommand("annotate", _run, (*_COMMON, manager("kubectl-annotate")), usage=_USAGE,
                       summary="Set or remove annotations of objects.")
