"""`dashboard`: the page that shows and steers rollouts, for the cluster that the kubeconfig names; until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from wherry.cli.kube.command import KubeCommand, joined
from wherry.cli.kube.flags import Flag

if TYPE_CHECKING:
    from wherry.cli.kube.flags import Given
    from wherry.cli.kube.session import Kube

_FLAGS = joined((
    Flag("address", "Where to listen; on others than loopback viewers must sign in (--auth token).", default="127.0.0.1"),
    Flag("port", "The port; 0 for any free one.", kind="int", default=8440),
    Flag("auth", "link: a link that is printed here and works once, with your own rights; token: viewers sign in with a token of the "
         "cluster and have their own rights.", default="link"),
    Flag("namespaces", "The namespaces to show, with commas between; all when not given, or that of --namespace.", kind="strings"),
    Flag("tls-cert-file", "The page's certificate (PEM), for https."),
    Flag("tls-private-key-file", "Its key (PEM)."),
))


async def _run(kube: Kube, given: Given) -> None:
    from wherry.cli.forecasting import forecast
    from wherry.cli.kube.errors import CommandError
    from wherry.dashboard.serving import CannotServe, Dashboard, Settings

    if given["auth"] not in ("link", "token"):
        raise CommandError(f'--auth must be link or token, not "{given["auth"]}"')
    if given.arguments:
        raise CommandError(f"dashboard takes no arguments: {' '.join(given.arguments)}")
    namespaces = tuple(given["namespaces"]) or ((kube.namespace,) if kube.enforced else ())
    settings = Settings(given["address"], given["port"], namespaces, given["auth"] == "token", given["tls-cert-file"],
                        given["tls-private-key-file"])
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with Dashboard(kube.access, settings, forecast=forecast) as dashboard:
            kube.out(f"Open {dashboard.link}\n" + ("It works once; Ctrl-C stops the dashboard.\n" if given["auth"] == "link" else
                                                   "Viewers sign in with a token of the cluster; Ctrl-C stops the dashboard.\n"))
            await stop.wait()
    except CannotServe as error:
        raise CommandError(str(error)) from None


dashboard = KubeCommand("dashboard", _run, _FLAGS, summary="Show and steer rollouts on a page in your browser.")
