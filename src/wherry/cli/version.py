"""`wherry version`."""

from __future__ import annotations

import json

import click

from wherry import __version__


@click.command()
@click.option("--output", "-o", type=click.Choice(["json", "text"]), default="text", show_default=True, help="How it is written.")
def version(output: str) -> None:
    """Print the version of wherry, and of the Kubernetes whose behaviour it has."""
    from wherry.server.documents import KUBERNETES_VERSION

    if output == "json":
        click.echo(json.dumps({"wherry": __version__, "kubernetes": KUBERNETES_VERSION}))
    else:
        click.echo(f"wherry {__version__}\nKubernetes {KUBERNETES_VERSION} (the server's own: kubectl version)")
