"""`set serviceaccount`: the account that pods run under.

Source: kubectl pkg/cmd/set/set_serviceaccount.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand
from wherry.cli.kube.set_image import FLAGS

if TYPE_CHECKING:
    from wherry.api.objects import Obj
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.gather import Info
    from wherry.cli.kube.session import Kube


async def _run(kube: Kube, given: Given) -> None:
    from wherry.cli.kube.errors import CommandError
    from wherry.cli.kube.templates import run

    if not given.arguments:
        raise CommandError("serviceaccount is required")
    *words, account = given.arguments

    def change(info: Info, spec: Obj, errors: list[Exception]) -> Obj:
        return {**spec, "serviceAccountName": account}

    await run(kube, words, change, "serviceaccount updated", "failed to patch ServiceAccountName")


serviceaccount = KubeCommand("serviceaccount", _run, FLAGS, usage="(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT",
                             summary="Set the service account of objects with a pod template.")
