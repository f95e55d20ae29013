"""`set image`: new images for containers of pod templates.

Source: kubectl pkg/cmd/set/set_image.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.options import ALL, DRY_RUN, FILES, LOCAL, OUTPUT, RECORD, SELECTOR, manager

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube

FLAGS = joined((FILES, SELECTOR, ALL, LOCAL, DRY_RUN, RECORD, OUTPUT, manager("kubectl-set")))


async def _run(kube: Kube, given: Given) -> None:
    from wherry.cli.kube import pairs
    from wherry.cli.kube.errors import CommandError, collected
    from wherry.cli.kube.templates import run

    words, changed = pairs.split(given.arguments, "image")
    images, _ = pairs.parse(changed, "image", removing=False)
    problems = []
    if given["all"] and given["selector"]:
        problems.append(CommandError("cannot set --all and --selector at the same time"))
    if not words and not given["filename"] and not given["kustomize"]:
        problems.append(CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>"))
    if not images:
        problems.append(CommandError("at least one image update is required"))
    elif len(images) > 1 and "*" in images:
        problems.append(CommandError("all containers are already specified by *, but saw more than one container_name=container_image "
                                     "pairs"))
    collected(problems)

    def change(info: Info, spec: Obj, errors: list[Exception]) -> Obj:
        names = [c["name"] for field in ("containers", "initContainers") for c in spec.get(field) or ()]
        errors += [CommandError(f'error: unable to find container named "{name}"') for name in images if name != "*" and name not in names]
        out = dict(spec)
        for field in ("containers", "initContainers"):
            if spec.get(field):
                out[field] = [_imaged(c, images) for c in spec[field]]
        return out

    await run(kube, words, change, "image updated", "failed to patch image update to pod template:")


def _imaged(container: Obj, images: dict[str, str]) -> Obj:
    image = images.get(container["name"], images.get("*"))
    return container if image is None or image == container.get("image") else {**container, "image": image}


image = KubeCommand("image", _run, FLAGS,
                    usage="(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N",
                    summary="Update container images of objects with a pod template; * means every container.")
