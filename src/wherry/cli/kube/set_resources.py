"""`set resources`: limits and requests of containers.

Source: kubectl pkg/cmd/set/set_resources.go, pkg/generate/versioned/run.go (HandleResourceRequirementsV1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand
from wherry.cli.kube.flags import Flag
from wherry.cli.kube.set_image import FLAGS

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

_FLAGS = (
    *FLAGS,
    Flag("containers", "The names of containers in the selected pod templates to change - may use wildcards.", short="c", default="*"),
    Flag("limits", "The resource requirement limits for this container. For example, 'cpu=100m,memory=256Mi'."),
    Flag("requests", "The resource requirement requests for this container. For example, 'cpu=100m,memory=256Mi'."),
)


async def _run(kube: Kube, given: Given) -> None:
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.templates import edit, run, selected

    if given["all"] and given["selector"]:
        raise CommandError("cannot set --all and --selector at the same time")
    if not given["limits"] and not given["requests"] and (given.arguments or given["filename"] or given["kustomize"]):
        raise CommandError("you must specify an update to requests or limits (in the form of --requests/--limits)")
    wanted = {name: parsed(given[name]) for name in ("limits", "requests") if given[name]}

    def change(info: Info, spec: Obj, errors: list[Exception]) -> Obj | None:
        names = selected(spec, given["containers"])
        if not names:
            errors.append(CommandError(f"error: unable to find container named {given['containers']}"))
            return None
        return edit(spec, names, lambda c: {**c, "resources": _merged(c.get("resources") or {}, wanted)})

    await run(kube, given.arguments, change, "resource requirements updated", "failed to patch resources update to pod template")


def _merged(resources: Obj, wanted: dict[str, dict[str, str]]) -> Obj:
    return {**resources, **{name: {**(resources.get(name) or {}), **values} for name, values in wanted.items()}}


def parsed(spec: str) -> dict[str, str]:
    """`cpu=200m,memory=512Mi`, quantities in their canonical form. Raises CommandError."""
    from wherry.api import quantity
    from wherry.cli.kube.errors import CommandError

    values: dict[str, str] = {}
    for part in spec.split(","):
        name, equals, value = part.partition("=")
        if not equals or "=" in value:
            raise CommandError(f"Invalid argument syntax {part}, expected <resource>=<value>")
        try:
            values[name] = quantity.canonical(value)
        except ValueError as error:
            raise CommandError(str(error)) from None
    return values


resources = KubeCommand("resources", _run, _FLAGS, usage="(-f FILENAME | TYPE NAME) ([--limits=LIMITS & --requests=REQUESTS]",
                        summary="Set limits and requests of containers in objects with a pod template.")
